import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";

import { Page } from "~/ui/Page";

/** In the place of a page that does not exist. */
export function Component() {
  return (
    <Page title="There is no such page">
      <Text>
        The link may be old, or mistyped. <Anchor component={Link} to="/">Go to your first page.</Anchor>
      </Text>
    </Page>
  );
}
