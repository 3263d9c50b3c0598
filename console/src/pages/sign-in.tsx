/** The keys stay in this form's state until it is sent, and then in the client of the session. */
import { useState } from "preact/hooks";
import type { Config } from "../config.ts";
import { useStore } from "../lib/store.ts";
import { endReason, signIn } from "../session.ts";
import { ErrorBox } from "../ui/basics.tsx";
import { TextField } from "../ui/fields.tsx";
import { useTask } from "../ui/use.ts";

export function SignIn({ config }: { readonly config: Config }) {
  const [accessKeyId, setAccessKeyId] = useState("");
  const [secretAccessKey, setSecret] = useState("");
  const [sessionToken, setToken] = useState("");
  const reason = useStore(endReason);
  const task = useTask();
  const submit = (event: Event) => {
    event.preventDefault();
    const token = sessionToken.trim();
    void task.run(() =>
      signIn(config, {
        accessKeyId: accessKeyId.trim(),
        secretAccessKey: secretAccessKey.trim(),
        sessionToken: token === "" ? undefined : token,
      }),
    );
  };
  return (
    <main class="sign-in" id="main">
      <h1>Sign in</h1>
      <p>
        to <code>{config.s3Endpoint}</code>
      </p>
      {reason !== undefined && (
        <div class="note" role="status">
          {reason}
        </div>
      )}
      <form onSubmit={submit} autocomplete="off">
        <TextField
          label="Access key id"
          value={accessKeyId}
          onChange={setAccessKeyId}
          required
          autocomplete="off"
          spellcheck={false}
        />
        <TextField
          label="Secret access key"
          type="password"
          value={secretAccessKey}
          onChange={setSecret}
          required
          autocomplete="off"
          spellcheck={false}
        />
        <TextField
          label="Session token (optional)"
          type="password"
          value={sessionToken}
          onChange={setToken}
          autocomplete="off"
          spellcheck={false}
          hint="Only for temporary credentials."
        />
        <ErrorBox error={task.error} />
        <button type="submit" class="primary" disabled={task.isRunning}>
          {task.isRunning ? "Please wait…" : "Sign in"}
        </button>
      </form>
      <p class="hint">
        The keys stay in the memory of this page. They are not stored, and are gone when the page is closed or loaded
        again.
      </p>
    </main>
  );
}
