import { expect, it } from "vitest";

import { contactChange } from "~/features/users/EditContact";

const BEFORE = { address: "1 Bridge St\nOxford", tax_id: null, email: "ann@example.com" };

it("sends what differs, and null for what was emptied", () => {
  const same = { address: "1 Bridge St\nOxford", tax_id: "", email: "ann@example.com" };
  expect(contactChange(same, BEFORE)).toEqual({});
  expect(contactChange({ ...same, tax_id: " GB 1 ", email: " " }, BEFORE)).toEqual({ tax_id: "GB 1", email: null });
});
