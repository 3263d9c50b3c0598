/**
 * The audit: every surface's answers pass `note`, and the lines of a second go to the queue together, inside `waitUntil`. While the
 * audit is off, that is one comparison.
 */
import { type LineKind, LineQueue, type LineQueueOptions, type QueuedLine } from "../access-log/line-queue.ts";
import type { AuditSetting } from "../model/audit.ts";
import { newIntentId } from "../model/random-ids.ts";
import type { Client } from "../protocol/s3-request.ts";
import type { RequestLog } from "../request-log.ts";
import type { AuditSwitch } from "../storage/d1/audit-switch.ts";
import type { AuditMessage } from "../storage/journal/messages.ts";
import { DenialLimit } from "./denial-limit.ts";
import { accountOf, describeRequest } from "./entry.ts";
import { formatAuditLine, shortenAuditLine } from "./line.ts";

interface Noted {
  readonly request: Request;
  readonly client: Client;
  readonly log: RequestLog;
}

/** Whose line it is, and where it goes; undefined: where the setting says when it is sent. */
interface AuditLog {
  readonly share: string;
  readonly setting: AuditSetting | undefined;
}

export interface AuditTrailOptions extends LineQueueOptions<AuditMessage> {
  readonly setting: Pick<AuditSwitch, "known" | "find">;
}

const DENIED = "denied";

export class AuditTrail {
  readonly #setting: AuditTrailOptions["setting"];
  readonly #denials = new DenialLimit();
  readonly #lines: LineQueue<AuditLog, AuditMessage>;

  constructor(options: AuditTrailOptions) {
    this.#setting = options.setting;
    const kind: LineKind<AuditLog, AuditMessage> = {
      name: "audit",
      nameOf: ({ log }) => JSON.stringify(log.setting ?? null),
      shareOf: ({ share }) => share,
      toMessages: (drafts) => this.#toMessages(drafts),
      shorten: shortenAuditLine,
      closing: () => this.#closing(),
    };
    this.#lines = new LineQueue(kind, options);
  }

  /** Takes note of an answered request. Never throws: the request is done. */
  note(noted: Noted, { status }: Response): void {
    const setting = this.#setting.known(Date.now());
    if (setting === "off" && noted.log.formerAudit === undefined) return;
    try {
      this.#add(noted, status, setting);
    } catch (error) {
      console.error(JSON.stringify({ audit: "lost", lines: 1, cause: String(error) }));
    }
  }

  #add({ request, client, log }: Noted, status: number, setting: AuditSetting | "off" | undefined): void {
    const { formerAudit } = log;
    const userAgent = request.headers.get("user-agent") ?? undefined;
    const entry = describeRequest({ log, status, userAgent, sourceIp: client.address });
    if (entry === undefined) return;
    const isDenied = entry.type === "denied";
    if (
      isDenied &&
      !this.#denials.admit({ account: accountOf(entry), code: entry.errorCode ?? `${status}` }, entry.time)
    ) {
      this.#lines.hold();
      return;
    }
    // A tenant's changes and all refusals have parts of the buffer that they cannot exceed.
    const share = isDenied ? DENIED : accountOf(entry);
    const line = formatAuditLine(entry);
    const settings = [...(setting === "off" ? [] : [setting]), ...(formerAudit === undefined ? [] : [formerAudit])];
    this.#lines.add(settings.map((each) => ({ log: { share, setting: each }, time: entry.time, line })));
  }

  /** Sends what is waiting. */
  flush(): Promise<void> {
    return this.#lines.flush();
  }

  #closing(): readonly QueuedLine<AuditLog>[] {
    const omitted = this.#denials.takeOmitted();
    if (omitted === undefined) return [];
    const setting = this.#setting.known(Date.now());
    if (setting === "off") return [];
    return [{ log: { share: DENIED, setting }, time: omitted.time, line: formatAuditLine(omitted) }];
  }

  async #toMessages(
    drafts: readonly { readonly log: AuditLog; readonly time: number; readonly text: string }[],
  ): Promise<AuditMessage[]> {
    const messages: AuditMessage[] = [];
    for (const { log, time, text } of drafts) {
      const setting = log.setting ?? (await this.#setting.find());
      if (setting !== "off") messages.push({ kind: "audit", id: newIntentId(), setting, time, text });
    }
    return messages;
  }
}
