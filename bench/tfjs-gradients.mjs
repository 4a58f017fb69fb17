// The peer needs tfjs's gradients, which @tensorflow/tfjs registers from ES files of tfjs-core that Node does not load as they
// are (no file endings). A resolve hook adds the endings, so the bench needs no further package. Registries are global.
import { register } from "node:module";

const hook = `
export const resolve = (specifier, context, next) => {
  if (specifier.startsWith(".") && context.parentURL?.includes("/tfjs-core/dist/")) {
    const ending = specifier.endsWith(".js") ? "" : ".js";
    return { url: new URL(specifier + ending, context.parentURL).href, format: "module", shortCircuit: true };
  }
  return next(specifier, context);
};
export const load = (url, context, next) =>
  url.includes("/tfjs-core/dist/") && !url.includes(".node.js") ? next(url, { ...context, format: "module" }) : next(url, context);
`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
const { registerGradient } = await import("@tensorflow/tfjs-core");
if (typeof registerGradient !== "function") throw new Error("unexpected tfjs-core");
await import(
  new URL("../node_modules/@tensorflow/tfjs-core/dist/register_all_gradients.js", import.meta.url)
    .href
);
