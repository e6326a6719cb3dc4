import { nameOf, useKey } from "~/features/keys/keys";
import { Name } from "~/ui/Name";

/** A key by its name and prefix; by its id where it is not there. */
export function KeyName({ id }: { id: string }) {
  const { data, error } = useKey(id);
  // Nothing before the answer: the id would only flash.
  return data === undefined && error === null ? null : <Name text={data === undefined ? id : nameOf(data)} />;
}
