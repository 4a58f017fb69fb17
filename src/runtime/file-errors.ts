// What an operating system says when it refuses a file, in words: why, and what usually mends it.

export interface Refusal {
  readonly reason: string;
  /** Where something was to be written. */
  readonly help?: string;
}

const PERMISSION = { reason: "permission denied", help: "choose a place that you may write to" };
const FULL = "free some space, or choose a place on another disk";
const REFUSALS: Readonly<Record<string, Refusal>> = {
  ENOENT: { reason: "no such file" },
  EEXIST: { reason: "a file lies in its way" },
  EISDIR: { reason: "it is a folder" },
  ENOTDIR: { reason: "a part of the path is a file, not a folder" },
  ELOOP: { reason: "its symbolic links go round in a circle" },
  ENAMETOOLONG: { reason: "the name is too long", help: "choose a shorter one" },
  EACCES: PERMISSION,
  EPERM: PERMISSION,
  EROFS: { reason: "the file system is read-only", help: "choose a place on another one" },
  ENOSPC: { reason: "the disk is full", help: FULL },
  EDQUOT: { reason: "the disk quota is used up", help: FULL },
  EFBIG: { reason: "the file is larger than the disk or the limit on sizes (ulimit -f) allows" },
  EXDEV: { reason: "the two places are on different disks" },
  EBUSY: { reason: "it is in use, or a disk is mounted there" },
  EIO: { reason: "the disk or terminal failed (EIO)" },
  EMFILE: { reason: "too many open files", help: "raise the limit: ulimit -n 4096" },
  ENFILE: { reason: "the machine has too many open files" },
};

export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;

/** Undefined for whatever is no refusal. */
export const refusalOf = (error: unknown): Refusal | undefined => REFUSALS[codeOf(error) ?? ""];
