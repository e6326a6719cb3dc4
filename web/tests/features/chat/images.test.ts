// @vitest-environment node
import { describe, expect, it } from "vitest";

import { planOf } from "~/features/chat/images";

describe("an image", () => {
  it.each([
    [{ width: 800, height: 600, bytes: 200_000, type: "image/png" }, "as it is"],
    [{ width: 800, height: 600, bytes: 200_000, type: "image/webp" }, { width: 800, height: 600 }],
    [{ width: 800, height: 600, bytes: 4_000_000, type: "image/png" }, { width: 800, height: 600 }],
    [{ width: 4000, height: 3000, bytes: 900_000, type: "image/jpeg" }, { width: 1536, height: 1152 }],
    [{ width: 10, height: 40_000, bytes: 900_000, type: "image/jpeg" }, { width: 1, height: 1536 }],
  ])("%# is sent as it should", (picture, plan) => expect(planOf(picture)).toEqual(plan));
});
