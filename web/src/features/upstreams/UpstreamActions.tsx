import { ActionIcon, Menu } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { Link, useLocation } from "react-router";

import { TakeOut, type Way } from "~/features/upstreams/TakeOut";
import { type Upstream, useUpstreamChanges } from "~/features/upstreams/upstreams";

/** What can be done with an upstream. Whatever stops something asks first. */
export function UpstreamActions({ upstream }: { upstream: Upstream }) {
  const { id, state } = upstream;
  const { search } = useLocation();
  const { setState } = useUpstreamChanges();
  const [way, setWay] = useState<Way | null>(null);
  const target = useRef<HTMLButtonElement>(null);
  return (
    <>
      <Menu position="bottom-end" width={180} transitionProps={{ duration: 100 }}>
        <Menu.Target>
          <ActionIcon ref={target} variant="default" size={26} aria-label={`More to do with ${id}`}>
            <IconDots size={14} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item component={Link} to={{ pathname: `/admin/upstreams/${encodeURIComponent(id)}`, search }}>
            Edit
          </Menu.Item>
          {state !== "active" && <Menu.Item onClick={() => void setState(id, "active")}>Enable</Menu.Item>}
          {state === "active" && <Menu.Item onClick={() => setWay("drain")}>Drain</Menu.Item>}
          {state !== "disabled" && <Menu.Item onClick={() => setWay("disable")}>Disable</Menu.Item>}
          <Menu.Item color="var(--bad)" onClick={() => setWay("remove")}>
            Remove
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {way !== null && <TakeOut upstream={upstream} way={way} onClose={() => setWay(null)} onClosed={() => target.current?.focus()} />}
    </>
  );
}
