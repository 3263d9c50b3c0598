/** What a policy that is being edited allows, and a question to it. */
import { useState } from "preact/hooks";
import {
  decide,
  MAX_POLICY_LENGTH,
  type PolicySummary,
  type Question,
  summarize,
} from "../../documents/policy-check.ts";
import { Select, TextField } from "../../ui/fields.tsx";

const ACCESS: Readonly<Record<PolicySummary["access"], string>> = {
  public: "Public: everyone may do what the statements for everyone allow.",
  "public-under-conditions": "Everyone may do what is allowed below whenever the conditions hold.",
  "not-public": "Not public: no statement allows anything to everyone.",
};

export interface PolicyCheckProps {
  readonly text: string;
  readonly bucket: string;
}

export function PolicyCheck({ text, bucket }: PolicyCheckProps) {
  const summary = summarize(text);
  return (
    <section class="panel" aria-label="What this policy allows">
      <h3>What this policy allows</h3>
      {summary === undefined ? (
        <p class="note">
          {text.length > MAX_POLICY_LENGTH
            ? `A policy has at most ${MAX_POLICY_LENGTH.toLocaleString("en")} bytes.`
            : "The text is not a policy yet."}
        </p>
      ) : (
        <>
          <p class={summary.access === "not-public" ? "note" : "error"}>
            <strong>{ACCESS[summary.access]}</strong>
          </p>
          <ul>
            {summary.statements.map((each, index) => (
              <li key={`${index}`}>
                <strong>{each.name}</strong>: {each.effect === "Allow" ? "allows" : "denies"} {each.who || "nobody"}{" "}
                {each.actions || "no action"} on {each.resources || "nothing"}
                {each.isConditional && ", under conditions"}
              </li>
            ))}
          </ul>
          {summary.unread > 0 && <p>{summary.unread} more statements are not shown.</p>}
          <Questions text={text} bucket={bucket} />
          <p class="hint">
            This reads the text above, before it is saved. Policies of users, ACLs and the public access block count
            too, and conditions are not evaluated.
          </p>
        </>
      )}
    </section>
  );
}

const ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:GetObjectVersion"];

function Questions({ text, bucket }: PolicyCheckProps) {
  const [principal, setPrincipal] = useState("*");
  const [action, setAction] = useState(ACTIONS[0] ?? "");
  const [key, setKey] = useState("example.txt");
  const isAboutBucket = action === "s3:ListBucket";
  const resource = `arn:aws:s3:::${bucket}${isAboutBucket ? "" : `/${key}`}`;
  const answer = answerTo(text, { principal: principal.trim(), action, resource });
  return (
    <fieldset class="question">
      <legend>May a caller do this?</legend>
      <TextField
        label="Caller"
        hint="* without keys; else an account id or the ARN of a user."
        value={principal}
        onChange={setPrincipal}
        spellcheck={false}
      />
      <Select
        label="Action"
        value={action}
        onChange={setAction}
        options={ACTIONS.map((each) => ({ value: each, label: each }))}
      />
      {!isAboutBucket && <TextField label="Key" value={key} onChange={setKey} spellcheck={false} />}
      <p role="status" class="answer">
        {answer}
      </p>
    </fieldset>
  );
}

function answerTo(text: string, question: Question): string {
  const decision = decide(text, question);
  switch (decision?.outcome) {
    case undefined:
      return "";
    case "allowed":
      return `Yes: ${decision.by} allows it.`;
    case "denied":
      return `No: ${decision.by} denies it, whatever else allows it.`;
    case "depends":
      return `It depends on the conditions or variables of ${decision.by}.`;
    case "not-mentioned":
      return "Not by this policy: no statement allows it.";
    default:
      return decision satisfies never;
  }
}
