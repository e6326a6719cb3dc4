import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { MemoryRouter } from "react-router";
import { describe, expect, it } from "vitest";

import { type Column, DataTable } from "~/ui/DataTable";

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
