// Threads and processes start from compiled files. From the sources (tests), that is the counterpart in `dist`.

/** `name` without extension, beside the module whose `import.meta.url` is `from`. */
export const compiledUrl = (name: string, from: string): URL => {
  if (!from.endsWith(".ts")) return new URL(`${name}.js`, from);
  const sources = from.lastIndexOf("/src/");
  return new URL(`${name}.js`, `${from.slice(0, sources)}/dist${from.slice(sources)}`);
};
