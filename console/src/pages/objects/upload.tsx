/** Choosing what is uploaded: files, a folder, or what is dropped on the page. */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { describeError } from "../../api/errors.ts";
import { isReachable } from "../../api/urls.ts";
import { formatBytes, formatCount } from "../../lib/format.ts";
import { typeOfName } from "../../lib/media-types.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { Checkbox } from "../../ui/fields.tsx";
import { notifyFailure } from "../../ui/toast.tsx";
import { useSession } from "../../ui/use.ts";
import { type ChosenFile, filesOfDrop, filesOfInput } from "../../uploads/files.ts";
import { startUploads } from "../../uploads/uploads.ts";

interface ChoosingProps {
  readonly onFiles: (files: readonly ChosenFile[]) => void;
}

export function UploadButtons({ onFiles }: ChoosingProps) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const choose = (input: HTMLInputElement) => {
    const chosen = filesOfInput(input);
    // Else the same choice again would be no change.
    input.value = "";
    if (chosen.length > 0) onFiles(chosen);
  };
  return (
    <>
      <input ref={files} type="file" multiple hidden onChange={(event) => choose(event.currentTarget)} />
      <input
        ref={folder}
        type="file"
        multiple
        hidden
        {...{ webkitdirectory: true }}
        onChange={(event) => choose(event.currentTarget)}
      />
      <button type="button" class="primary" onClick={() => files.current?.click()}>
        Upload files
      </button>
      <button type="button" onClick={() => folder.current?.click()}>
        Upload folder
      </button>
    </>
  );
}

interface DropZoneProps extends ChoosingProps {
  readonly children: ComponentChildren;
}

/** The whole page takes files; the buttons do the same by keyboard. */
export function DropZone({ onFiles, children }: DropZoneProps) {
  const [isOver, setOver] = useState(false);
  const over = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    setOver(true);
  };
  const drop = async (event: DragEvent) => {
    setOver(false);
    if (event.dataTransfer === null || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    try {
      const files = await filesOfDrop(event.dataTransfer);
      if (files.length > 0) onFiles(files);
    } catch (error) {
      notifyFailure(`The files could not be read: ${describeError(error)}`);
    }
  };
  return (
    <section
      class={isOver ? "drop-zone over" : "drop-zone"}
      aria-label="Objects"
      onDragOver={over}
      onDragLeave={(event) => {
        const { relatedTarget, currentTarget } = event;
        if (!(relatedTarget instanceof Node) || !currentTarget.contains(relatedTarget)) setOver(false);
      }}
      onDrop={drop}
    >
      {children}
    </section>
  );
}

interface UploadDialogProps {
  readonly bucket: string;
  readonly prefix: string;
  readonly files: readonly ChosenFile[];
  readonly onClose: () => void;
}

export function UploadDialog({ bucket, prefix, files, onClose }: UploadDialogProps) {
  const { client } = useSession();
  const [keepsExisting, setKeepsExisting] = useState(false);
  const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  const unreachable = files.find(({ path }) => !isReachable(`${prefix}${path}`));
  const start = async () => {
    startUploads(
      client,
      files.map(({ path, file }) => ({
        file,
        target: { bucket, key: `${prefix}${path}`, contentType: file.type || typeOfName(path), keepsExisting },
      })),
    );
  };
  return (
    <FormDialog
      title={`Upload ${formatCount(files.length, "file")}`}
      submitLabel="Upload"
      onClose={onClose}
      onSubmit={start}
      isDisabled={unreachable !== undefined}
    >
      <p>
        {formatBytes(bytes)} to{" "}
        <code>
          {bucket}/{prefix}
        </code>
      </p>
      <Checkbox
        label="Keep objects that exist"
        hint="Otherwise files replace objects of the same key."
        checked={keepsExisting}
        onChange={setKeepsExisting}
      />
      {unreachable !== undefined && <p class="field-error">Browsers cannot upload {unreachable.path}.</p>}
    </FormDialog>
  );
}
