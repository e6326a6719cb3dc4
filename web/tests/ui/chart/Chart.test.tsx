import { MantineProvider } from "@mantine/core";
import { fireEvent, render, screen } from "@testing-library/react";
import { MemoryRouter, useLocation } from "react-router";
import { describe, expect, it, vi } from "vitest";

import { Chart } from "~/ui/chart/Chart";
import { PLOT } from "~/ui/chart/geometry";
import { usdTick } from "~/ui/format/money";

const HEIGHT = 220;

vi.mock("@mantine/hooks", async (original) => ({
  ...(await original<object>()),
  useElementSize: () => ({ ref: { current: null }, width: 480, height: 0 }),
}));

describe("a chart with a correction", () => {
  const series = [
    { name: "corrections", color: "grey" },
    { name: "llama3.2:1b", color: "blue" },
  ];

  function drawn(...values: number[][]) {
    const rows = values.map((row, at) => ({ id: String(at), label: `${at}`, values: row }));
    const { container } = render(
      <MantineProvider>
        <MemoryRouter>
          <Chart title="Cost" kind="columns" series={series} rows={rows} write={usdTick} place="Day" height={HEIGHT} />
        </MemoryRouter>
      </MantineProvider>,
    );
    const boxes = [...container.querySelectorAll("rect")].map((rect) => {
      const of = (name: string) => Number(rect.getAttribute(name));
      return { fill: rect.getAttribute("fill"), top: of("y"), bottom: of("y") + of("height") };
    });
    return { boxes, zero: container.querySelector(".zero, [class*=zero]"), text: container.textContent };
  }

  it("draws it below the line of 0 and within the chart, and shows what little was spent above it", () => {
    const { boxes, zero, text } = drawn([-0.5, 0.00003], [0, 0.2]);
    const line = Number(zero?.getAttribute("y1"));
    expect(boxes.map(({ fill }) => fill)).toEqual(["grey", "blue", "blue"]);
    for (const { top, bottom } of boxes) {
      expect(top).toBeGreaterThanOrEqual(PLOT.top);
      expect(bottom).toBeLessThanOrEqual(HEIGHT - PLOT.bottom);
      expect(bottom - top).toBeGreaterThanOrEqual(1);
    }
    expect(boxes[0]?.top).toBeCloseTo(line);
    expect(boxes[1]?.bottom).toBeCloseTo(line);
    expect(text).toContain("−$0.40");
  });

  it("has no such line where nothing is below it", () => expect(drawn([0, 1]).zero).toBeNull());
});

describe("a chart whose columns and parts open what is behind them", () => {
  const series = [
    { name: "a", color: "blue" },
    { name: "b", color: "red" },
  ];
  const rows = [{ id: "1", label: "1 Nov", values: [1, 2], to: "/calls?day=1", parts: ["/calls?day=1&model=a", "/calls?day=1&model=b"] }];

  function Where() {
    const { pathname, search } = useLocation();
    return <output>{pathname + search}</output>;
  }

  function shown() {
    const { container } = render(
      <MantineProvider env="test">
        <MemoryRouter>
          <Chart title="Cost" kind="columns" series={series} rows={rows} write={String} place="Day" height={HEIGHT} />
          <Where />
        </MemoryRouter>
      </MantineProvider>,
    );
    return container;
  }

  it("opens that of the part that is clicked", () => {
    const part = shown().querySelector('rect[fill="red"]');
    if (part === null) throw new Error("the part is missing");
    fireEvent.click(part);
    expect(screen.getByRole("status").textContent).toBe("/calls?day=1&model=b");
  });

  it("has the same links in its table, once that is shown", () => {
    shown();
    expect(screen.queryByRole("link")).toBeNull();
    fireEvent.click(screen.getByRole("button", { name: "Table" }));
    expect(screen.getAllByRole("link").map((link) => link.getAttribute("href"))).toEqual(["/calls?day=1&model=a", "/calls?day=1&model=b", "/calls?day=1"]);
  });
});
