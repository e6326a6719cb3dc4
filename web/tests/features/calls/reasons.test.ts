// @vitest-environment node
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { describeReason, shortReason } from "~/features/calls/reasons";

/** The codes of the API's documentation. */
const section = readFileSync(new URL("../../../../docs/api.md", import.meta.url), "utf8")
  .split("### Why a request was not completed")[1]
  ?.split("\n### ")[0];
const codes = [...(section ?? "").matchAll(/^\| `(\w+)` \| `/gm)].map(([, code]) => code ?? "");

describe("the reasons of calls", () => {
  it("have words for every code that there is", () => {
    expect(codes.length).toBeGreaterThan(15);
    for (const code of codes) {
      const error = { code, status: null, message: "" };
      expect(describeReason(error), code).not.toBe("");
      expect(shortReason(error), code).not.toBe(code);
    }
  });

  it("are shown by their code where they are new", () => {
    expect(shortReason({ code: "unheard_of", status: null, message: "Something new." })).toBe("unheard_of");
  });
});
