// Refusals of the operating system as complaints, by the errors that Node throws for them.
import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { refusedAccess, writeFile } from "./files.ts";

const refusal = (code: string, syscall: string, path: string, dest?: string): unknown =>
  Object.assign(new Error(`${code}: …`), {
    code,
    syscall,
    path,
    ...(dest !== undefined && { dest }),
  });

test.each([
  [
    "EROFS",
    "mkdir",
    "cannot write a: the file system is read-only",
    "choose a place on another one",
  ],
  ["EACCES", "scandir", "cannot read a: permission denied", undefined],
  ["EPERM", "unlink", "cannot write a: permission denied", "choose a place that you may write to"],
  [
    "ENOSPC",
    "copyfile",
    "cannot write b: the disk is full",
    "free some space, or choose a place on another disk",
  ],
  ["EMFILE", "open", "cannot read a: too many open files", undefined],
])("%s of %s", (code, syscall, message, hint) => {
  const told = refusedAccess(refusal(code, syscall, "a", syscall === "copyfile" ? "b" : undefined));
  expect(told?.message).toBe(message);
  expect(told?.hints).toEqual(hint === undefined ? [] : [hint]);
  expect(told?.exitCode).toBe(2);
});
test("an error that is no refusal stays what it is", () => {
  expect(refusedAccess(new TypeError("x"))).toBeUndefined();
  expect(refusedAccess(refusal("EWHAT", "open", "a"))).toBeUndefined();
});
test("a file that is written again keeps its permissions", () => {
  const folder = mkdtempSync(join(tmpdir(), "specc-files-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "a");
  writeFile(path, "1");
  chmodSync(path, 0o600);
  writeFile(path, "2");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});
