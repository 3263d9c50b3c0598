/** Small parts of all pages. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiError, describeError } from "../api/errors.ts";
import type { Loaded } from "./use.ts";

/** An error of an API with its code, message and request id; nothing without an error. */
export function ErrorBox({ error }: { readonly error: unknown }) {
  if (error === undefined || error === null) return null;
  if (!(error instanceof ApiError)) {
    return (
      <div class="error" role="alert">
        {describeError(error)}
      </div>
    );
  }
  return (
    <div class="error" role="alert">
      <strong>{error.code}</strong> {error.message}
      {error.requestId && (
        <>
          {" "}
          <small>
            Request <code>{error.requestId}</code>
          </small>
        </>
      )}
    </div>
  );
}

export interface AwaitProps<Value> {
  readonly loaded: Loaded<Value>;
  readonly children: (value: Value) => ComponentChildren;
}

/** Shows what was loaded, or that it is loading, or why it was not loaded. */
export function Await<Value>({ loaded, children }: AwaitProps<Value>) {
  switch (loaded.state) {
    case "loading":
      return <Loading />;
    case "failed":
      return <ErrorBox error={loaded.error} />;
    case "loaded":
      return <>{children(loaded.value)}</>;
    default:
      return loaded satisfies never;
  }
}

export function Loading() {
  return (
    <p class="loading" role="status">
      Loading…
    </p>
  );
}

export interface PageHeaderProps {
  readonly title: string;
  readonly children?: ComponentChildren;
}

/** The heading of a page and its buttons. The heading gets the focus when the page opens. */
export function PageHeader({ title, children }: PageHeaderProps) {
  return (
    <div class="page-header">
      <h1 tabIndex={-1} id="page-title">
        {title}
      </h1>
      {children && <div class="actions">{children}</div>}
    </div>
  );
}

export interface CrumbsProps {
  readonly label?: string;
  readonly crumbs: readonly { readonly label: string; readonly href: string }[];
}

export function Crumbs({ label: name = "Path", crumbs }: CrumbsProps) {
  return (
    <nav aria-label={name} class="crumbs">
      <ol>
        {crumbs.map(({ label, href }, index) => (
          <li key={href}>
            <a href={href} aria-current={index === crumbs.length - 1 ? "page" : undefined}>
              {label}
            </a>
          </li>
        ))}
      </ol>
    </nav>
  );
}

export interface ProgressProps {
  readonly label: string;
  readonly done: number;
  readonly total: number;
}

export function Progress({ label, done, total }: ProgressProps) {
  return <progress aria-label={label} value={total === 0 ? 0 : done} max={total === 0 ? 1 : total} />;
}

export function CopyButton({ text, label = "Copy" }: { readonly text: string; readonly label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <button type="button" onClick={copy} aria-live="polite">
      {copied ? "Copied" : label}
    </button>
  );
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

export interface FactsProps {
  readonly facts: readonly (readonly [name: string, value: ComponentChildren])[];
}

/** Names and values; those without a value are left out. */
export function Facts({ facts }: FactsProps) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
