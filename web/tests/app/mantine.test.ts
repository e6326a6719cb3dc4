import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { expect, test } from "vitest";

const ESM = resolve("node_modules/@mantine/core/esm");
const STYLES = resolve("node_modules/@mantine/core/styles");
const IMPORTED = /import \{([^}]*)\} from "@mantine\/core"/g;
const EVERYWHERE = ["baseline", "default-css-variables", "global"];

test("the stylesheet has the styles of every component of Mantine that the pages use, and of no other", () => {
  const names = new Set(sources("src").flatMap((path) => [...readFileSync(path, "utf8").matchAll(IMPORTED)].flatMap(([, list = ""]) => parts(list))));
  const seen = new Set<string>();
  for (const name of names) {
    const path = join(ESM, "components", name, `${name}.mjs`);
    if (existsSync(path)) follow(path, seen);
  }
  const needed = [...seen].flatMap((path) => /(\w+)\.module\.mjs$/.exec(path)?.[1] ?? []).filter((name) => existsSync(join(STYLES, `${name}.css`)));
  const imported = [...readFileSync("src/app/mantine.css", "utf8").matchAll(/styles\/([\w-]+)\.css/g)].map(([, name]) => name);
  expect(imported.toSorted()).toEqual([...EVERYWHERE, ...new Set(needed)].toSorted());
});

test("they are in the order in which Mantine has them", () => {
  const whole = readFileSync("node_modules/@mantine/core/styles.css", "utf8");
  const places = [...readFileSync("src/app/mantine.css", "utf8").matchAll(/styles\/([\w-]+)\.css/g)].map(([, name]) =>
    whole.indexOf(readFileSync(join(STYLES, `${name}.css`), "utf8").slice(0, 60)),
  );
  expect(places).toEqual(places.toSorted((a, b) => a - b));
});

function parts(list: string): string[] {
  return list.split(",").map((part) => part.replace("type ", "").trim().split(" ")[0] ?? "");
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name));
}

/** The modules that this one needs, by its imports. */
function follow(path: string, seen: Set<string>): void {
  if (seen.has(path) || !existsSync(path)) return;
  seen.add(path);
  for (const [, target = ""] of readFileSync(path, "utf8").matchAll(/^import .*?"(\.[^"]+)";?$/gm)) follow(resolve(dirname(path), target), seen);
}
