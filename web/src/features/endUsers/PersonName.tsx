import { personOf, useEndUser } from "~/features/endUsers/endUsers";
import { Name } from "~/ui/Name";

/** A person as their app calls them; by the id where that is erased, or nobody has it. */
export function PersonName({ id }: { id: string }) {
  const { data, error } = useEndUser(id);
  // Nothing before the answer: the id would only flash.
  return data === undefined && error === null ? null : <Name text={data === undefined ? id : personOf(data)} />;
}
