import { Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";

interface Props {
  title: string;
  text: string;
  /** Whether it stands in the frame, which is the page's main part already. */
  framed: boolean;
  children: ReactNode;
}

/** In the place of a page that cannot be shown: what happened, and what to do. */
export function Problem({ title, text, framed, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Tollkeeper`;
  }, [title]);
  return (
    <Stack component={framed ? "div" : "main"} maw={560} {...(!framed && { p: "xl", mx: "auto", mt: "10vh" })}>
      <Title order={1}>{title}</Title>
      <Text role="alert">{text}</Text>
      {children}
    </Stack>
  );
}
