import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";

import { Money } from "~/ui/Money";

it("leaves room behind money for the digits that others in its column have", () => {
  render(
    <MantineProvider>
      <Money usd="12.5" places={6} />
      <Money usd="0.00004355" places={6} />
    </MantineProvider>,
  );
  expect(screen.getByText("$12.50").dataset["room"]).toBe("0000");
  expect(screen.getByText("$0.000044").dataset["room"]).toBeUndefined();
});
