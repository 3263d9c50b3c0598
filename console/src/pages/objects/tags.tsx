import { useState } from "preact/hooks";
import { getTags, putTags, type Tag } from "../../api/s3/object-settings.ts";
import type { ObjectName } from "../../api/s3/objects.ts";
import { Await, ErrorBox } from "../../ui/basics.tsx";
import { notify } from "../../ui/toast.tsx";
import { useLoad, useSession, useTask } from "../../ui/use.ts";
import { PairsEditor } from "./pairs-editor.tsx";

export function Tags({ name }: { readonly name: ObjectName }) {
  const { client } = useSession();
  const [tags] = useLoad(() => getTags(client, name), [client]);
  return (
    <section class="panel" aria-labelledby="tags">
      <h2 id="tags">Tags</h2>
      <Await loaded={tags}>{(value) => <TagsForm name={name} tags={value} />}</Await>
    </section>
  );
}

function TagsForm({ name, tags }: { readonly name: ObjectName; readonly tags: readonly Tag[] }) {
  const { client } = useSession();
  const [edited, setEdited] = useState(tags);
  const task = useTask();
  const save = (event: Event) => {
    event.preventDefault();
    void task.run(async () => {
      await putTags(
        client,
        name,
        edited.filter(({ key }) => key !== ""),
      );
      notify("The tags were saved.");
    });
  };
  return (
    <form onSubmit={save}>
      <PairsEditor legend="At most 10 tags" keyLabel="Key" pairs={edited} onChange={setEdited} />
      <ErrorBox error={task.error} />
      <button type="submit" class="primary" disabled={task.isRunning}>
        Save tags
      </button>
    </form>
  );
}
