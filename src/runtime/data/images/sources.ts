// Where the files of image data lie, and what they are called.
import type { ImageSource } from "../../../bundle/manifest.ts";
import { joinPath, type Host } from "../../host.ts";
import { installed } from "../files.ts";

export type Stored = Exclude<ImageSource, { readonly kind: "shapes" }>;

interface Parts {
  readonly train: readonly string[];
  readonly test: readonly string[];
}
/** Images before their labels. */
const mnistPart = (part: "train" | "t10k"): readonly [images: string, labels: string] => [
  `${part}-images-idx3-ubyte`,
  `${part}-labels-idx1-ubyte`,
];
export const MNIST = { train: mnistPart("train"), test: mnistPart("t10k") } as const;
export const CIFAR: Readonly<Record<"cifar10" | "cifar100", Parts>> = {
  cifar10: {
    train: [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`),
    test: ["test_batch.bin"],
  },
  cifar100: { train: ["train.bin"], test: ["test.bin"] },
};

export const filesOf = ({ kind }: Stored): readonly string[] => {
  const { train, test } = kind === "mnist" ? MNIST : CIFAR[kind];
  return [...train, ...test];
};

/** A folder of the recipe: below the project root, or inside an installed package. */
export const folderOf = async (source: Stored, host: Host): Promise<string> => {
  if (source.package === null)
    return source.folder.startsWith("/") ? source.folder : joinPath(host.root, source.folder);
  return joinPath(await installed(source.package, host), source.folder);
};
