/** Where a model is in memory, and what it is pinned to. */
import { IconAlertTriangle, IconFingerprint, IconPin } from "@tabler/icons-react";

import type { Model, Place } from "~/features/models/models";
import { changedPlaces, loadedPlaces } from "~/features/models/places";
import { Bytes } from "~/ui/Bytes";
import { Status, type StatusLooks } from "~/ui/Status";
import { RelativeTime } from "~/ui/Times";

import classes from "./ModelState.module.css";

const MAX_PLACES = 2;

/** The memory that it takes, and when it leaves; at each of the first upstreams. */
export function InMemory({ of: model }: { of: Model }) {
  const loaded = loadedPlaces(model);
  const failed = model.places.filter(({ pin_error: error }) => error !== null);
  return (
    <>
      {loaded.length === 0 && failed.length === 0 && <span className="unit">–</span>}
      {loaded.slice(0, MAX_PLACES).map((place) => (
        <span key={place.upstream} className={classes["place"]}>
          <Bytes value={place.loaded?.memory_bytes ?? null} />
          <span className={classes["until"]}>
            {model.upstreams.length > 1 && `${place.upstream}, `}
            <Until of={place} kept={model.pinned?.loaded === true} />
          </span>
        </span>
      ))}
      {loaded.length > MAX_PLACES && <span className={classes["until"]}>and at {loaded.length - MAX_PLACES} more</span>}
      {failed.map(({ upstream, pin_error: error }) => (
        <span key={upstream} className={classes["error"]}>
          {upstream}: {error}
        </span>
      ))}
    </>
  );
}

/** When it leaves memory. */
export function Until({ of: { loaded }, kept }: { of: Place; kept: boolean }) {
  if (kept) return <>kept</>;
  const until = loaded?.until ?? null;
  if (until === null) return <>end not known</>;
  return (
    <>
      leaves <RelativeTime at={until} />
    </>
  );
}

const PIN_LOOKS: StatusLooks<"in memory" | "one digest" | "changed"> = {
  "in memory": { tone: "plain", icon: IconPin },
  "one digest": { tone: "plain", icon: IconFingerprint },
  changed: { tone: "bad", icon: IconAlertTriangle },
};

export function PinState({ of: model }: { of: Model }) {
  const { pinned } = model;
  if (pinned === null) return <span className="unit">–</span>;
  return (
    <span className={classes["pins"]}>
      {pinned.loaded && <Status of="in memory" looks={PIN_LOOKS} />}
      {pinned.digest !== null && <Status of={changedPlaces(model).length > 0 ? "changed" : "one digest"} looks={PIN_LOOKS} />}
    </span>
  );
}
