import { describe, expect, it } from "vitest";

import { curlCommand } from "~/api/curl";

describe("the command", () => {
  it("has the address of this gateway, and no key", () => {
    const command = curlCommand("small");
    expect(command).toContain("curl http://localhost:8000/v1/chat/completions");
    expect(command).toContain("Bearer $TOLLKEEPER_KEY");
  });

  it.each([
    ["/v1/embeddings", "input"],
    ["/v1/chat/completions", "messages"],
    ["/v1/completions", "prompt"],
  ])("for %s has %s", (path, field) => expect(curlCommand("m", path)).toContain(`"${field}":`));

  it("keeps a quote in a model's name inside the shell's quotes", () => {
    expect(curlCommand("it's")).toContain(`"model":"it'\\''s"`);
  });
});
