import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { MemoryRouter } from "react-router";
import { describe, expect, it } from "vitest";

import { type Column, DataTable } from "~/parts/DataTable";
import { Money } from "~/parts/figures";

interface Row {
  id: string;
  spent: string;
}

function show(columns: Column<Row>[]) {
  render(
    <MantineProvider>
      <MemoryRouter>
        <DataTable label="Things" columns={columns} rows={[{ id: "a", spent: "1" }]} rowKey={(row) => row.id} empty={null} />
      </MemoryRouter>
    </MantineProvider>,
  );
  return screen.getByRole("table");
}

describe("a table in a narrow window", () => {
  const id: Column<Row> = { id: "id", label: "Id", cell: (row) => row.id };

  it("is stacked as soon as a column says where it goes; a name stands before what needs one", () => {
    const table = show([id, { id: "spent", label: "Spent", narrow: "named", cell: (row) => row.spent }]);
    expect(table.dataset["stacks"]).toBe("true");
    const [first, second] = screen.getAllByRole("cell");
    expect(first?.dataset["label"]).toBeUndefined();
    expect(second?.dataset["label"]).toBe("Spent");
  });

  it("stays a table otherwise", () => expect(show([id]).dataset["stacks"]).toBe("false"));
});

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
