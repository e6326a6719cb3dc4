/** Compressed copies of the built files, beside them: made once, as small as they become. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import type { Plugin } from "vite";

const TEXT = /\.(?:js|css|svg)$/;
/** Bytes; a smaller response is one packet either way. */
const LEAST = 1024;

/** Writes `NAME.br` and `NAME.gz` for every text of some size. index.html has another nonce in each response. */
export function compressed(): Plugin {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved({ build }) {
      folder = build.outDir;
    },
    writeBundle({ dir = folder }) {
      for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((each) => TEXT.test(each))) {
        const path = join(dir, name);
        const content = readFileSync(path);
        if (content.length < LEAST) continue;
        const size = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
        writeFileSync(`${path}.br`, brotliCompressSync(content, { params: { ...size, [constants.BROTLI_PARAM_LGWIN]: 24 } }));
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}
