// config.json as text. Hugging Face's libraries are strict about `3` where they want `3.0`, and JavaScript's JSON knows no
// difference: what they call a float gets its point back.

const FLOATS =
  /(^|_)(theta|eps|epsilon|range|softcapping|dropout|pdrop|factor|coef|noise|freq|mscale|mscale_all_dim|beta_fast|beta_slow)$/;

export const configText = (config: Readonly<Record<string, unknown>>): string =>
  `${JSON.stringify(config, null, 2).replaceAll(
    /^(\s*"(\w+)": -?\d+)(?=,?$)/gm,
    (line, _start: string, key: string) => (FLOATS.test(key) ? `${line}.0` : line),
  )}\n`;
