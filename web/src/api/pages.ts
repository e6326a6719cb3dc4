interface Page<Row> {
  data: Row[];
  next?: string | null;
}

const LIMIT = 1000;

/** All rows of a list that the API gives in pages, for lists of hundreds at most. */
export async function allPages<Row>(read: (query: { limit: number; after?: string }) => Promise<Page<Row>>): Promise<Row[]> {
  const rows: Row[] = [];
  let after: string | null | undefined;
  do {
    const page = await read({ limit: LIMIT, ...(typeof after === "string" && { after }) });
    rows.push(...page.data);
    after = page.next;
  } while (typeof after === "string");
  return rows;
}
