/** What is being written, before it is sent. */
import { type ClipboardEvent, type DragEvent, useState } from "react";

import type { Schemas } from "~/api/client";
import { imagesOf, MOST_IMAGES, readImage } from "~/pages/chat/images";
import { useNotices } from "~/parts/notice";

export interface Draft {
  text: string;
  setText: (text: string) => void;
  images: readonly string[];
  /** Whether an image is held over the conversation. */
  hovered: boolean;
  attach: (files: readonly File[]) => void;
  detach: (image: string) => void;
  clear: () => void;
  onPaste: (event: ClipboardEvent) => void;
  dropping: Record<"onDragOver" | "onDragLeave" | "onDrop", (event: DragEvent) => void>;
}

export function useDraft(model: Schemas["Model"] | undefined): Draft {
  const { tell } = useNotices();
  const [text, setText] = useState("");
  const [images, setImages] = useState<readonly string[]>([]);
  const [hovered, setHovered] = useState(false);

  const take = async (files: readonly File[]) => {
    if (model?.vision === false) {
      tell({ state: "bad", text: `${model.id} takes no images. Choose another model to send one.` });
      return;
    }
    for (const file of files) {
      try {
        const image = await readImage(file);
        setImages((old) => (old.includes(image) ? old : [...old, image].slice(0, MOST_IMAGES)));
      } catch (fault) {
        tell({ state: "bad", text: fault instanceof Error ? fault.message : String(fault) });
      }
    }
    if (images.length + files.length > MOST_IMAGES) tell({ state: "bad", text: `At most ${MOST_IMAGES} images go with one question.` });
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
      // Text that comes along with an image (from an office program, say) is what was meant.
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
