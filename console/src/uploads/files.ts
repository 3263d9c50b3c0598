/** The files that a person chose or dropped, with their paths. */

export interface ChosenFile {
  /** Relative, with slashes: `photos/2026/a.jpg`. */
  readonly path: string;
  readonly file: File;
}

/** Of `<input type=file>`; with `webkitdirectory`, files have a path. */
export function filesOfInput(input: HTMLInputElement): ChosenFile[] {
  return [...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** Of a drop, folders included. It must be called in the event itself, since the browser forgets the items after it. */
export function filesOfDrop({ items }: DataTransfer): Promise<ChosenFile[]> {
  const entries: FileSystemEntry[] = [];
  const files: ChosenFile[] = [];
  for (const item of items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry();
    // A file that a page dragged, and not the file manager, has no entry.
    const file = entry === null ? item.getAsFile() : null;
    if (entry !== null) entries.push(entry);
    else if (file !== null) files.push({ path: file.name, file });
  }
  return collect(entries, files);
}

async function collect(entries: readonly FileSystemEntry[], files: ChosenFile[]): Promise<ChosenFile[]> {
  const left = [...entries];
  for (let entry = left.shift(); entry !== undefined; entry = left.shift()) {
    if (isFile(entry)) files.push({ path: entry.fullPath.replace(/^\//, ""), file: await open(entry) });
    else if (isDirectory(entry)) left.push(...(await readAll(entry.createReader())));
  }
  return files;
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

function open(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** Browsers return at most 100 entries at a time. */
async function readAll(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}
