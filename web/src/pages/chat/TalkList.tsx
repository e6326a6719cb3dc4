import { ActionIcon, Button, Menu, Skeleton, Text, TextInput } from "@mantine/core";
import { IconDots, IconPencil, IconTrash } from "@tabler/icons-react";
import { useId, useState } from "react";
import { Link, useNavigate } from "react-router";

import type { Chats } from "~/pages/chat/chats";
import { isRunning, type Talk } from "~/pages/chat/talk";
import { useNotices } from "~/parts/notice";

import classes from "./TalkList.module.css";

interface ListProps {
  chats: Chats;
  talks: readonly Talk[];
  loaded: boolean;
  kept: boolean;
  opened: string | undefined;
  onOpen: () => void;
}

/** The conversations there are, to open, rename and delete. */
export function TalkList({ chats, talks, loaded, kept, opened, onOpen }: ListProps) {
  const { tell } = useNotices();
  const navigate = useNavigate();
  const [renamed, setRenamed] = useState<string | null>(null);
  // Where the keyboard goes on after a name was given.
  const [back, setBack] = useState<string | null>(null);

  const remove = (gone: readonly Talk[], text: string) => {
    const removed = chats.remove(gone.map((talk) => talk.id));
    const back = removed.some((talk) => talk.id === opened) ? opened : undefined;
    if (back !== undefined) void navigate("/chat");
    tell({
      state: "good",
      text,
      undo() {
        chats.restore(removed);
        if (back !== undefined) void navigate(`/chat?c=${back}`);
      },
    });
  };

  return (
    <div className={classes["list"]}>
      {!loaded && <Skeleton height={34} aria-busy="true" aria-label="Loading" />}
      {loaded && talks.length === 0 && (
        <Text size="xs" c="dimmed" px={8} py={4}>
          No conversations yet. The first begins with what you ask.
        </Text>
      )}
      <ul>
        {talks.map((talk) =>
          renamed === talk.id ? (
            <li key={talk.id}>
              <Rename
                title={talk.title}
                onDone={(title) => {
                  if (title !== null) chats.rename(talk.id, title);
                  setRenamed(null);
                  setBack(talk.id);
                }}
              />
            </li>
          ) : (
            <Row
              key={talk.id}
              talk={talk}
              opened={talk.id === opened}
              focused={talk.id === back}
              onOpen={onOpen}
              onRename={() => setRenamed(talk.id)}
              onDelete={() => remove([talk], `Deleted «${talk.title}».`)}
            />
          ),
        )}
      </ul>
      <div className={classes["foot"]}>
        <span>{kept ? "In this browser only" : "This browser keeps nothing: conversations end with the page."}</span>
        {talks.length > 0 && (
          <Button variant="subtle" color="gray" size="compact-xs" onClick={() => remove(talks, "Deleted all conversations.")}>
            Delete all
          </Button>
        )}
      </div>
    </div>
  );
}

function focus(element: HTMLElement | null): void {
  element?.focus();
}

interface RowProps {
  talk: Talk;
  opened: boolean;
  focused: boolean;
  onOpen: () => void;
  onRename: () => void;
  onDelete: () => void;
}

function Row({ talk, opened, focused, onOpen, onRename, onDelete }: RowProps) {
  const id = useId();
  return (
    <li className={classes["row"]} data-opened={opened}>
      <Link ref={focused ? focus : null} id={id} to={`/chat?c=${talk.id}`} className={classes["open"] ?? ""} aria-current={opened ? "page" : undefined} onClick={onOpen}>
        {isRunning(talk) && <span className={classes["running"]} role="img" aria-label="Answering" />}
        <span className={classes["title"]}>{talk.title}</span>
      </Link>
      <Menu position="bottom-end" width={160} transitionProps={{ duration: 100 }}>
        <Menu.Target>
          <ActionIcon className={classes["options"] ?? ""} variant="subtle" color="gray" aria-label="Options" aria-describedby={id}>
            <IconDots size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={15} />} onClick={onRename}>
            Rename
          </Menu.Item>
          <Menu.Item leftSection={<IconTrash size={15} />} onClick={onDelete}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </li>
  );
}

/** Enter and leaving it take the name, Esc leaves the old one. */
function Rename({ title, onDone }: { title: string; onDone: (title: string | null) => void }) {
  const [text, setText] = useState(title);
  return (
    <TextInput
      aria-label="Name of the conversation"
      autoFocus
      value={text}
      maxLength={200}
      onFocus={(event) => event.currentTarget.select()}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => onDone(text)}
      onKeyDown={(event) => {
        if (event.key === "Enter") onDone(text);
        if (event.key !== "Escape") return;
        // Not the drawer's to close.
        event.stopPropagation();
        onDone(null);
      }}
    />
  );
}
