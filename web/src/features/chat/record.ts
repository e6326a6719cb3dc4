/** The record of an answer, as a stream carries no cost. */
import { api, ApiError, body, type Schemas } from "~/api/client";

/** Before each try. */
const WAITS_MS = [0, 150, 400, 1_000, 2_500];

/** The record of a request that has just ended; null where it cannot be read. It is written a moment after the end. */
export async function readRecord(requestId: string): Promise<Schemas["Call"] | null> {
  for (const wait of WAITS_MS) {
    if (wait > 0) await new Promise((done) => window.setTimeout(done, wait));
    try {
      return await body(api.GET("/v1/usage/{request_id}", { params: { path: { request_id: requestId } } }));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) return null;
    }
  }
  return null;
}
