import { Anchor, Button, Group } from "@mantine/core";
import { IconPhoto, IconPhotoOff, IconQuestionMark } from "@tabler/icons-react";
import { useState } from "react";
import { Link, Navigate, useLocation } from "react-router";

import { useModelCommands } from "~/features/lifecycle/commands";
import { ModelDialog, type ModelQuestion } from "~/features/lifecycle/ModelDialog";
import type { Model, Place } from "~/features/models/models";
import { PinState, Until } from "~/features/models/ModelState";
import { changedPlaces, managedPlaces, shortDigest } from "~/features/models/places";
import { Bytes } from "~/ui/Bytes";
import { useClock } from "~/ui/clock";
import { CopyButton } from "~/ui/CopyButton";
import { Count } from "~/ui/Count";
import { Empty } from "~/ui/Empty";
import { Fact } from "~/ui/Fact";
import { exactUsd } from "~/ui/format/money";
import { count } from "~/ui/format/numbers";
import { Loading } from "~/ui/Loading";
import { SidePanel } from "~/ui/SidePanel";
import { RelativeTime, Timestamp } from "~/ui/Times";
import { Warning } from "~/ui/Warning";
import { utcPeriod } from "~/ui/utcPeriod";

import classes from "./ModelPanel.module.css";

const HEIGHT = 480;

/** All that is known of a model, and what can be done with it at each upstream. */
export function ModelPanel({ name, models }: { name: string; models: readonly Model[] | undefined }) {
  const { search } = useLocation();
  const [question, setQuestion] = useState<ModelQuestion | null>(null);
  const [mayGo, setMayGo] = useState(false);
  const model = models?.find((other) => other.name === name);
  const ask = (asked: ModelQuestion) => {
    setQuestion(asked);
    if (asked.is === "delete") setMayGo(true);
  };
  // It was deleted from here.
  if (mayGo && models !== undefined && model === undefined) return <Navigate to={{ pathname: "/admin/models", search }} replace />;
  // One at a time, so that Esc leads back from the question to the panel.
  if (question !== null && model !== undefined) return <ModelDialog model={model} question={question} onClose={() => setQuestion(null)} />;
  return (
    <SidePanel title={name} back="/admin/models">
      {models === undefined ? (
        <Loading height={HEIGHT} />
      ) : model === undefined ? (
        <Empty title="There is no model of this name" />
      ) : (
        <Details model={model} ask={ask} />
      )}
    </SidePanel>
  );
}

interface DetailsProps {
  model: Model;
  ask: (question: ModelQuestion) => void;
}

function Details({ model, ask }: DetailsProps) {
  const { name, aliases, pinned, pricing, places } = model;
  const managed = managedPlaces(model);
  const month = utcPeriod("month", new Date(), useClock());
  return (
    <div className={classes["details"]}>
      {changedPlaces(model).length > 0 && (
        <Warning>
          Its name is pinned to {shortDigest(pinned?.digest ?? "")}, and stands for another digest at {changedPlaces(model).map(({ upstream }) => upstream).join(", ")}. It gets no requests there.{" "}
          <Button variant="default" size="compact-xs" onClick={() => ask({ is: "pin", accept: true })}>
            Accept the new digest
          </Button>
        </Warning>
      )}
      {managed.length > 0 && (
        <Group gap={8}>
          <Button variant="default" onClick={() => ask({ is: "pin", accept: false })}>
            {pinned === null ? "Pin" : "Change the pin"}
          </Button>
          <Button variant="default" onClick={() => ask({ is: "copy" })}>
            Copy
          </Button>
        </Group>
      )}
      <dl className={classes["facts"]}>
        {aliases.length > 0 && <Fact name="Aliases">{aliases.join(", ")}</Fact>}
        <Fact name="Pinned">
          <PinState of={model} /> {pinned?.digest != null && <code title={pinned.digest}>{shortDigest(pinned.digest)}</code>}
        </Fact>
        <Fact name="Images">
          <Images seen={model.sees_images} />
        </Fact>
        <Fact name="Price per million">
          {pricing === null ? (
            <Anchor component={Link} to={`/admin/billing?add=${encodeURIComponent(name)}`} size="sm">
              Set a price
            </Anchor>
          ) : (
            <Anchor component={Link} to={`/admin/billing/${encodeURIComponent(pricing.model)}`} size="sm">
              {exactUsd(pricing.input_usd_per_mtok)} in, {exactUsd(pricing.output_usd_per_mtok)} out
            </Anchor>
          )}
        </Fact>
        <Fact name="Requests this month (UTC)">
          <Anchor component={Link} to={`/admin/calls?model=${encodeURIComponent(name)}&${month}`} size="sm">
            {count(model.requests_this_month)}
          </Anchor>
          {" · "}
          <Anchor component={Link} to={`/admin/usage?group_by=user&model=${encodeURIComponent(name)}&${month}`} size="sm">
            Explore usage
          </Anchor>
        </Fact>
        <Fact name="Last used">
          <RelativeTime at={model.last_used_at} />
        </Fact>
      </dl>
      {places.map((place) => (
        <At key={place.upstream} place={place} model={model} ask={ask} />
      ))}
    </div>
  );
}

function At({ place, model, ask }: DetailsProps & { place: Place }) {
  const { upstream, digest, loaded } = place;
  return (
    <section className={classes["place"]} aria-label={`At ${upstream}`}>
      <div className={classes["placeHead"]}>
        <h3 className={classes["upstream"]}>{upstream}</h3>
        {place.managed && <PlaceActions place={place} model={model} ask={ask} />}
      </div>
      {place.pin_error !== null && <p className={classes["error"]}>It could not be kept in memory: {place.pin_error}</p>}
      <dl className={classes["facts"]}>
        <Fact name="In memory">
          {loaded === null ? (
            <span className="unit">no</span>
          ) : (
            <>
              <Bytes value={loaded.memory_bytes} />
              {loaded.gpu_memory_bytes !== null && loaded.memory_bytes !== null && (
                <>
                  , <Bytes value={loaded.gpu_memory_bytes} /> of these on GPUs
                </>
              )}
              , <Until of={place} kept={model.pinned?.loaded === true} />
              {loaded.context !== null && <>, for {count(loaded.context)} tokens</>}
            </>
          )}
        </Fact>
        <Fact name="Running">{place.running === 1 ? "1 request" : `${count(place.running)} requests`}</Fact>
        {place.family !== null && <Fact name="Family">{place.family}</Fact>}
        {place.parameter_size !== null && <Fact name="Parameters">{place.parameter_size}</Fact>}
        {place.quantization !== null && <Fact name="Quantization">{place.quantization}</Fact>}
        {place.size_bytes !== null && (
          <Fact name="Size">
            <Bytes value={place.size_bytes} />
          </Fact>
        )}
        <Fact name="Context">{place.context === null ? <span className="unit">not known</span> : <Count value={place.context} unit="tokens" of="tokens" />}</Fact>
        {place.pricing !== null && (
          <Fact name="Price">
            <span className="num">
              {exactUsd(place.pricing.input_usd_per_mtok)} in, {exactUsd(place.pricing.output_usd_per_mtok)} out
            </span>
          </Fact>
        )}
        {digest !== null && (
          <Fact name="Digest">
            <code title={digest}>{shortDigest(digest)}</code> {place.changed && <span className={classes["error"]}>not the pinned one</span>} <CopyButton text={digest} what="digest" />
          </Fact>
        )}
        {place.modified_at !== null && (
          <Fact name="Changed">
            <Timestamp at={place.modified_at} />
          </Fact>
        )}
      </dl>
    </section>
  );
}

function PlaceActions({ place: { upstream, loaded }, model: { name, pinned }, ask }: DetailsProps & { place: Place }) {
  const { load, unload } = useModelCommands();
  const [busy, setBusy] = useState(false);
  const run = (command: Promise<void>) => {
    setBusy(true);
    void command.finally(() => setBusy(false));
  };
  return (
    <Group gap={6}>
      {loaded === null ? (
        <Button variant="default" size="compact-xs" loading={busy} aria-label={`Load at ${upstream}`} onClick={() => run(load(name, upstream))}>
          Load
        </Button>
      ) : (
        pinned?.loaded !== true && (
          <Button variant="default" size="compact-xs" loading={busy} aria-label={`Unload at ${upstream}`} onClick={() => run(unload(name, upstream))}>
            Unload
          </Button>
        )
      )}
      <Button variant="default" size="compact-xs" aria-label={`Delete at ${upstream}`} onClick={() => ask({ is: "delete", upstream })}>
        Delete
      </Button>
    </Group>
  );
}

function Images({ seen }: { seen: boolean | null }) {
  const [Icon, word] = seen === null ? [IconQuestionMark, "not known"] : seen ? [IconPhoto, "sees them"] : [IconPhotoOff, "text only"];
  return (
    <span className={classes["images"]} data-known={seen !== null}>
      <Icon size={14} stroke={1.6} aria-hidden />
      {word}
    </span>
  );
}
