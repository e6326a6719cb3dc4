/** Amounts in dollars, with the exact amount on hover and touch. */
import { Tooltip } from "@mantine/core";

import { cents, centsPlaces, exactUsd, millionths } from "~/ui/format/money";

/** `places`: the decimal places that its column has room for, so that the decimal points are aligned. */
export function Money({ usd, places = 0 }: { usd: string; places?: number }) {
  const missing = Math.max(0, places - centsPlaces(usd));
  return (
    <Tooltip label={exactUsd(usd)}>
      <span className="num" {...(missing > 0 && { "data-room": "0".repeat(missing) })}>
        {cents(usd)}
      </span>
    </Tooltip>
  );
}

/** An amount that is often far less than a cent. */
export function SmallMoney({ usd }: { usd: string }) {
  return (
    <Tooltip label={exactUsd(usd)}>
      <span className="num">{millionths(usd)}</span>
    </Tooltip>
  );
}
