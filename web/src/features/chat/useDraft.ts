/** The question that is being written. */
import { type ClipboardEvent, type DragEvent, useState } from "react";

import { messageOf, type Schemas } from "~/api/client";
import { imagesOf, MAX_IMAGES, readImage } from "~/features/chat/images";
import { useNotices } from "~/ui/useNotices";

export interface Draft {
  text: string;
  setText: (text: string) => void;
  images: readonly string[];
  /** Whether files are dragged over the conversation. */
  hovered: boolean;
  attach: (files: readonly File[]) => void;
  detach: (image: string) => void;
  clear: () => void;
  onPaste: (event: ClipboardEvent) => void;
  dropping: Record<"onDragOver" | "onDragLeave" | "onDrop", (event: DragEvent) => void>;
}

export function useDraft(model: Schemas["Model"] | undefined): Draft {
  const { notify } = useNotices();
  const [text, setText] = useState("");
  const [images, setImages] = useState<readonly string[]>([]);
  const [hovered, setHovered] = useState(false);

  const take = async (files: readonly File[]) => {
    if (model?.vision === false) {
      notify({ state: "bad", text: `${model.id} takes no images. Choose another model to send one.` });
      return;
    }
    for (const file of files) {
      try {
        const image = await readImage(file);
        setImages((old) => (old.includes(image) ? old : [...old, image].slice(0, MAX_IMAGES)));
      } catch (error) {
        notify({ state: "bad", text: messageOf(error) });
      }
    }
    if (images.length + files.length > MAX_IMAGES) notify({ state: "bad", text: `At most ${MAX_IMAGES} images go with one question.` });
  };
  const attach = (files: readonly File[]) => {
    if (files.length > 0) void take(files);
  };

  return {
    text,
    setText,
    images,
    hovered,
    attach,
    detach: (image) => setImages((old) => old.filter((one) => one !== image)),
    clear() {
      setText("");
      setImages([]);
    },
    onPaste(event) {
      const files = imagesOf(event.clipboardData);
      // Where text comes with an image (from an office program, say), the text is meant.
      if (files.length === 0 || event.clipboardData.getData("text/plain") !== "") return;
      event.preventDefault();
      attach(files);
    },
    dropping: {
      onDragOver(event) {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setHovered(true);
      },
      onDragLeave(event) {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setHovered(false);
      },
      onDrop(event) {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setHovered(false);
        attach(imagesOf(event.dataTransfer));
      },
    },
  };
}
