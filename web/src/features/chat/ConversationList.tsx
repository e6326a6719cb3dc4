import { ActionIcon, Button, Menu, Skeleton, Text, TextInput } from "@mantine/core";
import { IconDots, IconPencil, IconTrash } from "@tabler/icons-react";
import { useId, useState } from "react";
import { Link, useNavigate } from "react-router";

import { type Conversation, isRunning } from "~/features/chat/conversation";
import type { Conversations } from "~/features/chat/conversations";
import { useNotices } from "~/ui/useNotices";

import classes from "./ConversationList.module.css";

interface ListProps {
  store: Conversations;
  conversations: readonly Conversation[];
  loaded: boolean;
  stored: boolean;
  opened: string | undefined;
  onOpen: () => void;
}

/** Opens, renames and deletes conversations. */
export function ConversationList({ store, conversations, loaded, stored, opened, onOpen }: ListProps) {
  const { notify } = useNotices();
  const navigate = useNavigate();
  const [renamed, setRenamed] = useState<string | null>(null);
  // The conversation that gets the focus back after it was renamed.
  const [renamedLast, setRenamedLast] = useState<string | null>(null);

  const remove = (gone: readonly Conversation[], text: string) => {
    const removed = store.remove(gone.map((conversation) => conversation.id));
    const back = removed.some((conversation) => conversation.id === opened) ? opened : undefined;
    if (back !== undefined) void navigate("/chat");
    notify({
      state: "good",
      text,
      undo() {
        store.restore(removed);
        if (back !== undefined) void navigate(`/chat?c=${back}`);
      },
    });
  };

  return (
    <div className={classes["list"]}>
      {!loaded && <Skeleton height={34} aria-busy="true" aria-label="Loading" />}
      {loaded && conversations.length === 0 && (
        <Text size="xs" c="dimmed" px={8} py={4}>
          No conversations yet. The first begins with what you ask.
        </Text>
      )}
      <ul>
        {conversations.map((conversation) =>
          renamed === conversation.id ? (
            <li key={conversation.id}>
              <Rename
                title={conversation.title}
                onDone={(title) => {
                  if (title !== null) store.rename(conversation.id, title);
                  setRenamed(null);
                  setRenamedLast(conversation.id);
                }}
              />
            </li>
          ) : (
            <Row
              key={conversation.id}
              conversation={conversation}
              opened={conversation.id === opened}
              focused={conversation.id === renamedLast}
              onOpen={onOpen}
              onRename={() => setRenamed(conversation.id)}
              onDelete={() => remove([conversation], `Deleted «${conversation.title}».`)}
            />
          ),
        )}
      </ul>
      <div className={classes["foot"]}>
        <span>{stored ? "In this browser only" : "This browser keeps nothing: conversations end with the page."}</span>
        {conversations.length > 0 && (
          <Button variant="subtle" color="gray" size="compact-xs" onClick={() => remove(conversations, "Deleted all conversations.")}>
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
  conversation: Conversation;
  opened: boolean;
  focused: boolean;
  onOpen: () => void;
  onRename: () => void;
  onDelete: () => void;
}

function Row({ conversation, opened, focused, onOpen, onRename, onDelete }: RowProps) {
  const id = useId();
  return (
    <li className={classes["row"]} data-opened={opened}>
      <Link ref={focused ? focus : null} id={id} to={`/chat?c=${conversation.id}`} className={classes["open"] ?? ""} aria-current={opened ? "page" : undefined} onClick={onOpen}>
        {isRunning(conversation) && <span className={classes["running"]} role="img" aria-label="Answering" />}
        <span className={classes["title"]}>{conversation.title}</span>
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

/** A field for the name. Enter and leaving the field set it, Esc keeps the old one. */
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
        // Esc must not close the drawer, too.
        event.stopPropagation();
        onDone(null);
      }}
    />
  );
}
