// The commands and their options, on one page. Each action imports its command when it runs, so that `check` and `--help`
// start without TensorFlow.js.
import { Argument, Command, Option } from "commander";
import { EXIT_CODES } from "./errors.ts";
import type { Io } from "./io.ts";
import {
  byteSize,
  choice,
  colored,
  common,
  engine,
  format,
  forms,
  list,
  modelChoice,
  number,
  quietable,
  seed,
  setting,
  stopText,
  whole,
  type ColorChoice,
  type QuietChoice,
} from "./options.ts";
import { refuseSurplus } from "./surplus.ts";

/** What commands are written on. */
interface Page {
  readonly io: Io;
  readonly version: string;
  /** Receives the exit code of the command that ran. */
  readonly done: (code: number) => void;
  readonly add: (name: string, description: string) => Command;
}

const addInit = ({ add, io, done }: Page): void => {
  quietable(add("init", "make a project that runs: a spec, data, a script"))
    .argument("[folder]", "where; the present folder by default")
    .addOption(
      new Option("--template <name>", "what the spec holds")
        .choices(["gpas", "llama"])
        .default("gpas"),
    )
    .action(async (folder: string | undefined, options: { template: string } & QuietChoice) => {
      done((await import("./commands/init.ts")).init(io, folder, options));
    });
};

const addCheck = ({ add, io, version, done }: Page): void => {
  choice(add("check", "report every mistake, with its place and the smallest fix"))
    .argument("<files...>", ".arch files or folders of them")
    .addOption(format())
    .addOption(new Option("--json", "the same as --format json").conflicts("format"))
    .option("--max-warnings <n>", "fail when there are more warnings", whole(0))
    .action(
      async (files: readonly string[], options: import("./commands/check.ts").CheckOptions) => {
        done(await (await import("./commands/check.ts")).check(io, version, files, options));
      },
    );
};

const addFmt = ({ add, io, version, done }: Page): void => {
  common(add("fmt", "give files their one layout"))
    .alias("format")
    .argument("[files...]", ".arch files or folders of them")
    .option("--check", "list files that are laid out otherwise, write nothing, exit 1")
    .option("--stdin", "read standard input, write to standard output")
    .option("--stdin-filepath <path>", "the name that standard input goes by in messages")
    .action(async (files: readonly string[], options: import("./commands/fmt.ts").FmtOptions) => {
      done(await (await import("./commands/fmt.ts")).fmt(io, version, files, options));
    });
};

const addBuild = ({ add, io, version, done }: Page): void => {
  choice(add("build", "compile to a bundle that runs without the compiler"))
    .argument("<file>", "an .arch file")
    .requiredOption("-o, --out-dir <dir>", "the bundle's folder")
    .addOption(new Option("--emit <names...>", "also write").choices(["graph-model"]))
    .addOption(
      new Option("--engine <names>", "what to write programs for: tfjs (wasm, cpu), tensorflow")
        .argParser(forms)
        .default(undefined, "all that have the recipe's precision"),
    )
    .addOption(format())
    .option("--weights <file>", "weights for the graph model (initial values otherwise)")
    .option("--generation-batch <n>", "prompts that the bundle continues at once", whole(1), 1)
    .option("--list-files", "print the path of every file")
    .action(async (file: string, options: import("./commands/build.ts").BuildOptions) => {
      done(await (await import("./commands/build.ts")).build(io, version, file, options));
    });
};

const addTrain = ({ add, io, version, done }: Page): void => {
  choice(add("train", "train what a file describes, or a bundle"))
    .argument("<target>", "an .arch file or a bundle's folder")
    .option("-o, --out-dir <dir>", "where the run is kept (default: runs/<recipe>)")
    .option(
      "--resume-from-checkpoint <path>",
      'go on from a checkpoint; "latest" takes the run\'s last',
    )
    .option(
      "--weights <path>",
      "begin with these instead of the seed's: safetensors, or the folder of a checkpoint, a run or an imported model",
    )
    .option("--overwrite", "drop the run that lies in the folder instead of keeping it aside")
    .option("--steps <n>", "stop after so many updates (the schedule stays)", whole(1))
    .addOption(engine())
    .addOption(seed())
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
A folder that holds an earlier run is never written over: the earlier run is moved aside, to <dir>.1, <dir>.2, …
With --resume-from-checkpoint latest it is continued, and with --overwrite it is dropped. A folder with files that specc
has not made is refused. The last two checkpoints are kept.
Ctrl-C saves a checkpoint if a step was made, prints the command that goes on, and exits 130; a second Ctrl-C
exits at once and says which steps are lost.`,
    )
    .action(async (target: string, options: import("./commands/train.ts").TrainOptions) => {
      done(await (await import("./commands/train.ts")).train(io, version, target, options));
    });
};

const addEval = ({ add, io, version, done }: Page): void => {
  choice(add("eval", "measure the loss on held-out data"))
    .argument("<target>", "an .arch file, a bundle or a run")
    .option("--weights <path>", "safetensors, or a folder of them (default: beside the target)")
    .addOption(engine())
    .option("--json", "print the result as JSON")
    .action(async (target: string, options: import("./commands/eval.ts").EvalOptions) => {
      done(await (await import("./commands/eval.ts")).evaluate(io, version, target, options));
    });
};

const addGenerate = ({ add, io, version, done }: Page): void => {
  choice(add("generate", "continue a prompt"))
    .argument("<target>", "an .arch file, a bundle or a run")
    .option("--weights <path>", "safetensors, or a folder of them (default: beside the target)")
    .option("--prompt <text>", "what to continue; may repeat; - reads standard input", list)
    .option(
      "--prompt-file <file>",
      "a prompt a line; in a .jsonl file a JSON string a line, which may hold line breaks",
    )
    .option("--chat", "prompts are messages of a user, put in the model's chat template")
    .option("--system <text>", "with --chat: the message before them")
    .addOption(
      new Option(
        "--messages <file>",
        "a conversation to answer: a JSON list of messages, one a line in .jsonl",
      ).conflicts(["prompt", "promptFile", "chat", "system"]),
    )
    .option("--tokens, --max-new-tokens <n>", "how many tokens to add (default: 100)", whole(1))
    .addOption(
      new Option("--greedy", "the likeliest token each time").conflicts([
        "temperature",
        "topK",
        "topP",
      ]),
    )
    .option(
      "--temperature <x>",
      "0 takes the likeliest token (default: 0.8)",
      number("a number from 0 up", (x) => x >= 0),
    )
    .option("--top-k <n>", "draw from the n likeliest", whole(1))
    .option(
      "--top-p <x>",
      "draw from the likeliest that together reach x",
      number("a number above 0, at most 1", (x) => x > 0 && x <= 1),
    )
    .option(
      "--repetition-penalty <x>",
      "above 1, what occurred already becomes less likely",
      number("a number above 0", (x) => x > 0),
    )
    .option("--stop <text>", "end where this begins; may repeat", stopText)
    .addOption(seed().default(0))
    .addOption(engine())
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Several prompts are continued together and printed in their order, an empty line between two; --json keeps them apart
for programs. Blank lines of a --prompt-file are no prompts. The model sees its whole context; when that is
full, the older half of it is dropped. The same command gives the same texts. What generation_config.json beside the
weights says of drawing holds where no option is given.`,
    )
    .action(async (target: string, options: import("./commands/generate.ts").GenerateOptions) => {
      done(await (await import("./commands/generate.ts")).generate(io, version, target, options));
    });
};

const addImport = ({ add, io, version, done }: Page): void => {
  quietable(add("import", "turn a Hugging Face folder into an .arch file with its weights"))
    .argument("<folder>", "with config.json and safetensors")
    .option(
      "-o, --out <file>",
      "the .arch file; weights go beside it (default: <folder>/model.arch)",
    )
    .option("--name <Model>", "the model's name (default: from the folder's)")
    .option("--set <key=value>", "a key of config.json, where it lacks one; may repeat", setting)
    .option("--allow-unexpected", "leave tensors behind that are no part of the model")
    .option("--overwrite", "replace files that hold something else")
    .option("--json", "print what became of every tensor as JSON")
    .action(async (folder: string, options: import("./commands/import.ts").ImportOptions) => {
      done(await (await import("./commands/import.ts")).importFolder(io, version, folder, options));
    });
};

const addExport = ({ add, io, version, done }: Page): void => {
  choice(add("export", "write a folder that Hugging Face's transformers loads"))
    .argument("<target>", "an .arch file, a bundle or a run")
    .requiredOption("-o, --out-dir <dir>", "the folder")
    .option("--weights <file>", "safetensors (default: beside the target)")
    .addOption(
      new Option("--dtype <name>", "the weights' format (default: as they are)").choices([
        "float32",
        "bfloat16",
        "float16",
      ]),
    )
    .option("--max-shard-size <size>", "largest file of weights, as 5GB", byteSize)
    .addOption(
      new Option("--compat <version>", "also write the keys of an older transformers").choices([
        "v4",
      ]),
    )
    .option("--overwrite", "replace files that hold something else")
    .option("--json", "print what was written as JSON")
    .action(async (target: string, options: import("./commands/export.ts").ExportOptions) => {
      done(await (await import("./commands/export.ts")).exportModel(io, version, target, options));
    });
};

const addInspect = ({ add, io, version, done }: Page): void => {
  choice(add("inspect", "show layers, shapes, parameters, FLOPs and memory, or how trainings went"))
    .argument("[target]", "an .arch file or a bundle's folder")
    .option("--run <folders...>", "instead of a target: what one or several trainings recorded")
    .option("-o, --out <file>", "with --run: draw it over training and depth, as .html or .svg")
    .option("--json", "print the table as JSON")
    .option("--svg <file>", "draw the model")
    .option("--print-ir [pass]", "print a program's graph; after:PASS stops after that pass")
    .option(
      "--program <name>",
      "the program to print (default: train_step or accumulate; eval_step without a recipe)",
    )
    .action(
      async (
        target: string | undefined,
        options: import("./commands/inspect.ts").InspectOptions & {
          readonly run?: readonly string[];
          readonly out?: string;
        },
      ) => {
        const { run, out, ...rest } = options;
        if (run !== undefined)
          done(
            (await import("./commands/inspect-runs.ts")).inspectRuns(io, target, {
              ...options,
              run,
            }),
          );
        else {
          const { inspect, needTarget } = await import("./commands/inspect.ts");
          done(await inspect(io, version, needTarget(target, out), rest));
        }
      },
    );
};

const addExplain = ({ add, io, done }: Page): void => {
  add("explain", "the page of a key, a constructor or a diagnostic code")
    .argument("<topic...>", "for example gpas, blocks.norm or SPC3012")
    .action(async (topic: readonly string[]) => {
      done((await import("./commands/explain.ts")).explainTopic(io, topic.join(" ")));
    });
};

const addDoctor = ({ add, io, version, done }: Page): void => {
  colored(add("doctor", "which engines this machine offers, and how to get the others"))
    .option("--json", "print the findings as JSON")
    .action(async (options: ColorChoice & { json?: boolean }) => {
      done(await (await import("./commands/doctor.ts")).doctor(io, version, options));
    });
};

const addForward = ({ add, io, version, done }: Page): void => {
  modelChoice(add("forward", "logits, loss, block states and gradients of given inputs"))
    .argument("<target>", "an .arch file or a bundle's folder")
    .option("--weights <path>", "safetensors, or a folder of them (default: beside the target)")
    .requiredOption(
      "--inputs <file>",
      "safetensors with input_ids and, optionally, labels and attention_mask; for a model of images with images and labels",
    )
    .requiredOption("-o, --out <file>", "where to write logits, loss and hidden.l")
    .option("--grad", "also grad.<name of each parameter on disk>")
    .addOption(engine())
    .action(async (target: string, options: import("./commands/forward.ts").ForwardOptions) => {
      done(await (await import("./commands/forward.ts")).forward(io, version, target, options));
    });
};

/** `specc backend …`: commands below a command. */
const addBackend = ({ add, io, done }: Page): void => {
  const backend = add("backend", "the libraries of engines that are not built in");
  const backendCommand = (name: string, description: string): Command =>
    backend
      .command(name)
      .description(description)
      .addArgument(new Argument("<name>", "the backend").choices(["tensorflow"]))
      .addHelpText("after", EXIT_CODES);
  quietable(
    backendCommand("add", "get TensorFlow's own library for tfjs-node: the tensorflow engine"),
  )
    .option("--gpu", "built for NVIDIA cards, with the CUDA libraries that are missing")
    .option("--version <version>", "TensorFlow's version (default: 2.21.0)")
    .option("--from <site-packages>", "take the libraries of an installed Python instead of pip's")
    .option("--dir <dir>", "keep it there, and a link to it in the cache folder")
    .addHelpText(
      "after",
      `
Needs python3 with pip, or --from; npm, unless tfjs-node is installed; a C++ compiler, unless specc came from npm.
It is kept in $SPECC_CACHE_DIR, else ~/.cache/specc; no node_modules is touched. Nothing is installed until it has been verified.`,
    )
    .action(
      async (_name: string, options: import("./backend/plan.ts").AddOptions & QuietChoice) => {
        done(await (await import("./commands/backend.ts")).add(io, options));
      },
    );
  backendCommand("remove", "delete it, and what a failed try has left")
    .option("--version <version>", "only this version of TensorFlow")
    .action(async (_name: string, options: { version?: string }) => {
      done(await (await import("./commands/backend.ts")).remove(io, options));
    });
  backend
    .command("list")
    .description("what is installed, how big it is, and where")
    .addHelpText("after", EXIT_CODES)
    .option("--verify", "hold every file against its hash and run the verification again")
    .option("--json", "print it as JSON")
    .action(async (options: { json?: boolean; verify?: boolean }) => {
      done(await (await import("./commands/backend.ts")).list(io, options));
    });
};

/** In the order of the help. */
const commands: readonly ((page: Page) => void)[] = [
  addInit,
  addCheck,
  addFmt,
  addBuild,
  addTrain,
  addEval,
  addGenerate,
  addImport,
  addExport,
  addInspect,
  addForward,
  addExplain,
  addDoctor,
  addBackend,
];

export const buildProgram = (io: Io, version: string, done: Page["done"]): Command => {
  const program = refuseSurplus(new Command("specc"));
  program
    .description(
      "Compiles .arch descriptions of models and of their training to graphs that TensorFlow.js runs.",
    )
    .version(version, "-V, --version")
    // `backend add --version` is that command's own
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      getOutHelpWidth: () => Math.min(io.terminal.columns, 100),
      getErrHelpWidth: () => Math.min(io.terminal.columns, 100),
    })
    .showSuggestionAfterError(true)
    .showHelpAfterError("(specc --help lists commands and options)")
    .addHelpText("after", EXIT_CODES);
  const add = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .addHelpText("after", EXIT_CODES)
      .showHelpAfterError(`(specc ${name} --help explains it)`);
  for (const command of commands) command({ io, version, done, add });
  return program;
};
