import { MantineProvider } from "@mantine/core";
import { render } from "@testing-library/react";
import { MemoryRouter } from "react-router";
import { describe, expect, it, vi } from "vitest";

import { heightScale, PLOT, stack } from "~/parts/chart";
import { Chart } from "~/parts/Chart";
import { usdTick } from "~/parts/UsageCharts";

const HEIGHT = 220;

vi.mock("@mantine/hooks", async (original) => ({
  ...(await original<object>()),
  useElementSize: () => ({ ref: { current: null }, width: 480, height: 0 }),
}));

describe("a column", () => {
  it("stacks what is above nothing upward, and what is below it downward", () => {
    expect(stack([2, -1, 3, 0, -0.5])).toEqual([[0, 2], [0, -1], [2, 5], [5, 5], [-1, -1.5]]);
  });
});

describe("the heights", () => {
  it.each([
    [[0.03, -0.5], -0.6, 0.2],
    [[-0.5], -0.5, 0],
    [[], 0, 1],
    [[0, 0], 0, 1],
    [[3, 9.5], 0, 10],
  ])("of %o go from %d to %d", (ends, least, most) => {
    const [from = NaN, to = NaN] = heightScale(ends, HEIGHT).domain();
    expect(from).toBeCloseTo(least);
    expect(to).toBeCloseTo(most);
  });
});

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

  it.each([
    [0, "$0"],
    [-0.5, "−$0.50"],
    [-0.002, "−$0.002"],
    [0.00004355, "$0.000044"],
    [12.5, "$12.50"],
  ])("writes %d as %s", (value, words) => expect(usdTick(value)).toBe(words));
});
