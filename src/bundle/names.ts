// Names of files that the compiler writes and everyone looks for.

/** Of a bundle, and so of a run: what is in it. */
export const MANIFEST = "specc-manifest.json";
