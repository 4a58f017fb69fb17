// One process at a time writes to a folder: a training, or a build.
import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { FileFault } from "../../bundle/file-fault.ts";
import { LOCK } from "../../bundle/names.ts";
import { holderText, takeLock, type Holder } from "./lock.ts";
import { makeFolder } from "./make-folder.ts";

/** Somebody else is at work in the folder. */
export class BusyFault extends FileFault {
  /** Undefined: who has just begun. */
  readonly holder: Holder | undefined;

  constructor(folder: string, holder: Holder | undefined) {
    super(
      folder,
      `another specc is at work there: ${holderText(holder)}`,
      `wait for it, or choose another folder; if it no longer runs, delete ${LOCK} in it`,
    );
    this.holder = holder;
  }
}

/** Makes the folder where there is none. The returned function lets go of it. */
export const holdFolder = (folder: string): (() => void) => {
  const isNew = !existsSync(folder);
  makeFolder(folder);
  const taken = takeLock(join(folder, LOCK));
  if ("holder" in taken) throw new BusyFault(folder, taken.holder);
  return () => {
    try {
      taken.release();
      if (isNew && readdirSync(folder).length === 0) rmdirSync(folder);
    } catch {
      // The folder went, or its disk did. A lock that stays behind is of no process and holds nobody up.
    }
  };
};
