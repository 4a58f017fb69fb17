// The queue of updates: groups where the session has them and nobody looks in between, single runs elsewhere, the same results
// either way, in order, and a fault where it belongs.
import { expect, test } from "vitest";
import type { Session } from "../../bundle/engine.ts";
import type { Tensors } from "../../bundle/tensor.ts";
import { scalarTensor } from "../programs.ts";
import { createUpdates } from "./updates.ts";

const SIZE = 4;
/** Gives the number it is fed as the loss, and writes down what it was asked for. */
const counting = (failAt?: number) => {
  const asked: (readonly number[])[] = [];
  const loss = (inputs: Tensors): number => inputs["n"]!.data[0]!;
  const answer = (inputs: Tensors): Tensors => {
    if (loss(inputs) === failAt) throw new Error("out of memory");
    return { loss: inputs["n"]!, grad_norm: scalarTensor(1) };
  };
  const session: Pick<Session, "run" | "group"> = {
    run: async (_program, inputs) => {
      asked.push([loss(inputs)]);
      return answer(inputs);
    },
    group: {
      size: (program) => (program === "train_step" ? SIZE : 1),
      run: async (_program, list) => {
        asked.push(list.map(loss));
        return list.map(answer);
      },
    },
  };
  return { asked, session };
};

const updatesOf = (
  session: Pick<Session, "run" | "group">,
  stopAfter: (step: number) => number,
  program = "train_step",
) => {
  let clock = 0;
  return createUpdates({
    session: session as Session, // the queue calls nothing else
    host: { now: () => (clock += 8) },
    plan: (step) => [{ program, inputs: { n: scalarTensor(step) } }],
    stopAfter,
    from: 0,
  });
};
const take = async (
  updates: ReturnType<typeof createUpdates>,
  steps: number,
): Promise<readonly number[]> => {
  const losses: number[] = [];
  for (let step = 1; step <= steps; step += 1) losses.push((await updates.take(step)).loss);
  return losses;
};

test("groups, and single runs where less than a group is left", async () => {
  const { asked, session } = counting();
  expect(
    await take(
      updatesOf(session, () => 10),
      10,
    ),
  ).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(asked).toEqual([[1, 2, 3, 4], [5, 6, 7, 8], [9], [10]]);
});
test("no group goes past a step after which somebody looks", async () => {
  const { asked, session } = counting();
  const everySix = (step: number): number => Math.ceil(step / 6) * 6;
  await take(updatesOf(session, everySix), 12);
  expect(asked).toEqual([[1, 2, 3, 4], [5], [6], [7, 8, 9, 10], [11], [12]]);
});
test("a program that has no groups, and a session without them, run one by one", async () => {
  const { asked, session } = counting();
  await take(
    updatesOf(session, () => 4, "apply"),
    4,
  );
  await take(
    updatesOf({ run: session.run }, () => 4),
    4,
  );
  expect(asked).toEqual([[1], [2], [3], [4], [1], [2], [3], [4]]);
});
test("what is asked for ahead is asked for once, and counted", async () => {
  const { asked, session } = counting();
  const updates = updatesOf(session, () => 8);
  updates.ahead(1);
  updates.ahead(2);
  expect(updates.asked()).toBe(4);
  expect(await take(updates, 4)).toEqual([1, 2, 3, 4]);
  expect(asked).toEqual([[1, 2, 3, 4]]);
});
test("the time of a group is shared by its updates", async () => {
  const updates = updatesOf(counting().session, () => 4);
  expect((await updates.take(1)).milliseconds).toBe(2);
  expect((await updates.take(2)).milliseconds).toBe(2);
});
test("a fault comes out where its result is taken", async () => {
  const updates = updatesOf(counting(6).session, () => 8);
  expect(await take(updates, 4)).toEqual([1, 2, 3, 4]);
  updates.ahead(5);
  await expect(updates.take(5)).rejects.toThrow("out of memory");
});
