// IDX files, the form of MNIST: a magic number that tells the type and the number of axes, their sizes (all big-endian), bytes.
import { FileFault } from "../../../bundle/file-fault.ts";
import { asFault, joinPath, type Host } from "../../host.ts";
import type { ImageSet, ImageSets } from "./image-set.ts";
import { MNIST } from "./sources.ts";

interface Idx {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export const readBytes = async (host: Host, path: string): Promise<Uint8Array> => {
  try {
    return await host.readFile(path);
  } catch (error) {
    throw asFault(error, path, "reading it");
  }
};

/** Unsigned bytes of `rank` axes. */
const parseIdx = (bytes: Uint8Array, rank: number, file: string): Idx => {
  const header = 4 + 4 * rank;
  if (bytes.length < header)
    throw new FileFault(
      file,
      `not an IDX file: ${bytes.length} bytes, and its header takes ${header}`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic !== 0x0800 + rank)
    throw new FileFault(
      file,
      `not an IDX file of bytes with ${rank} axes: it begins with 0x${magic.toString(16)}`,
    );
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = shape.reduce((n, d) => n * d, 1);
  if (bytes.length !== header + size)
    throw new FileFault(
      file,
      `[${shape.join(", ")}] takes ${header + size} bytes, and the file has ${bytes.length}`,
    );
  return { shape, data: bytes.subarray(header) };
};

const readPart = async (
  folder: string,
  part: (typeof MNIST)["train" | "test"],
  host: Host,
): Promise<ImageSet> => {
  const [imageFile, labelFile] = [joinPath(folder, part[0]), joinPath(folder, part[1])];
  const images = parseIdx(await readBytes(host, imageFile), 3, imageFile);
  const labels = parseIdx(await readBytes(host, labelFile), 1, labelFile);
  const [count = 0, height = 0, width = 0] = images.shape;
  if (labels.shape[0] !== count)
    throw new FileFault(labelFile, `${labels.shape[0] ?? 0} labels for ${count} images`);
  const wrong = labels.data.find((label) => label > 9);
  if (wrong !== undefined) throw new FileFault(labelFile, `class ${wrong} is not below 10`);
  return { height, width, channels: 1, pixels: images.data, labels: labels.data };
};

export const readMnist = async (folder: string, host: Host): Promise<ImageSets> => ({
  train: await readPart(folder, MNIST.train, host),
  test: await readPart(folder, MNIST.test, host),
});
