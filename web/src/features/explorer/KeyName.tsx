import type { Asked } from "~/features/explorer/explorer";
import { nameOf, useKeys } from "~/features/keys/keys";

/** A key by its name and prefix where whose keys they are is known, else by its id. */
export function KeyName({ id, asked }: { id: string; asked: Asked }) {
  const user = asked.question.filters.find(({ by }) => by === "user")?.value;
  return asked.admin && user === undefined ? id : <NameOfKey id={id} {...(asked.admin && user !== undefined && { userId: user })} />;
}

function NameOfKey({ id, userId }: { id: string; userId?: string }) {
  const { data } = useKeys(userId);
  const key = data?.find((one) => one.id === id);
  return key === undefined ? id : nameOf(key);
}
