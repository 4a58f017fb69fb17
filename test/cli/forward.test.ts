// What a model computes for inputs of one's own: specc forward.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/bundle/safetensors.ts";
import { project, specc } from "./run.ts";

describe("forward", () => {
  const write = (cwd: string, tensors: Record<string, readonly (readonly number[])[]>): void =>
    writeFileSync(
      join(cwd, "in.safetensors"),
      writeSafetensors(
        Object.fromEntries(
          Object.entries(tensors).map(([name, t]) => [
            name,
            {
              dtype: "i32" as const,
              shape: [t.length, t[0]!.length],
              data: Int32Array.from(t.flat()),
            },
          ]),
        ),
      ),
    );
  const forward = [
    "forward",
    "model.arch",
    "--weights",
    "w/model.safetensors",
    "--inputs",
    "in.safetensors",
    "--out",
    "out.safetensors",
    "-q",
  ];
  test("writes logits, loss, block states and gradients under names on disk", async () => {
    const cwd = project();
    await specc(["train", "model.arch", "-q", "--out-dir", "w"], { cwd });
    write(cwd, {
      input_ids: [
        [1, 2, 3, 4, 5],
        [6, 7, 8, 9, 0],
      ],
    });
    expect(await specc([...forward, "--grad"], { cwd })).toMatchObject({ code: 0, err: "" });
    const { tensors } = readSafetensors(new Uint8Array(readFileSync(join(cwd, "out.safetensors"))));
    expect(tensors["logits"]?.shape).toEqual([2, 5, 256]);
    expect(tensors["hidden.2"]?.shape).toEqual([2, 5, 16]);
    expect(tensors["grad.model.layers.0.mlp.gate_proj.weight"]?.shape).toEqual([24, 16]);
    expect(tensors["grad.model.layers.1.gpas_block.gate"]?.shape).toEqual([]);
    // the loss is the mean over the 4 shifted targets of each row
    const logits = tensors["logits"]!.data;
    let nats = 0;
    const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0];
    for (let i = 0; i < 10; i++) {
      if (i % 5 === 4) continue;
      const row = Array.from(logits.subarray(i * 256, (i + 1) * 256));
      nats += Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[ids[i + 1]!]!;
    }
    expect(tensors["loss"]?.data[0]).toBeCloseTo(nats / 8, 4);

    write(cwd, { input_ids: [[1, 2, 3, 4, 5]], attention_mask: [[1, 1, 0, 0, 0]] });
    await specc(forward, { cwd });
    const masked = readSafetensors(new Uint8Array(readFileSync(join(cwd, "out.safetensors"))))
      .tensors["loss"]!.data[0];
    write(cwd, { input_ids: [[1, 2, 3, 4, 5]], labels: [[1, 2, -100, -100, -100]] });
    await specc(forward, { cwd });
    expect(
      readSafetensors(new Uint8Array(readFileSync(join(cwd, "out.safetensors")))).tensors["loss"]!
        .data[0],
    ).toBe(masked);
  });
  test("inputs that make no sense are refused with their numbers", async () => {
    const cwd = project();
    await specc(["train", "model.arch", "-q", "--out-dir", "w"], { cwd });
    const complaint = async (tensors: Parameters<typeof write>[1]): Promise<string> => {
      write(cwd, tensors);
      const { code, err } = await specc(forward, { cwd });
      expect(code).toBe(1);
      return err;
    };
    expect(await complaint({ ids: [[1]] })).toContain("no tensor input_ids");
    expect(await complaint({ input_ids: [[1, 256]] })).toContain("256, outside of the vocabulary");
    expect(await complaint({ input_ids: [Array.from({ length: 17 }, () => 1)] })).toContain(
      "17 positions",
    );
    expect(await complaint({ input_ids: [[1, 2]], attention_mask: [[0, 1]] })).toContain(
      "pad on the right",
    );
    expect(await complaint({ input_ids: [[1, 2]], labels: [[1, 300]] })).toContain("300");
    for (const [dtype, data, held] of [
      ["f32", Float32Array.of(1, 2), "floats"],
      ["bool", Uint8Array.of(1, 0), "truth values"],
    ] as const) {
      const tensors = { input_ids: { dtype, shape: [1, 2], data } };
      writeFileSync(join(cwd, "in.safetensors"), writeSafetensors(tensors));
      const { code, err } = await specc(forward, { cwd });
      expect([code, err]).toEqual([
        1,
        expect.stringContaining(`input_ids holds ${held}, expected whole numbers`),
      ]);
      expect(err).toContain("I64, I32");
    }
  });
});
