import { createTheme } from "@mantine/core";

/** Quiet and dense: neutral greys, one accent, small radii. Colours of states and models are in base.css. */
export const theme = createTheme({
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
  primaryColor: "accent",
  primaryShade: { light: 7, dark: 6 },
  defaultRadius: "sm",
  respectReducedMotion: true,
  colors: {
    accent: [
      "#eef2ff", "#dbe3fd", "#bccbfa", "#97adf5", "#738eee", "#5a77e6", "#4663d9", "#3451b2", "#2b4496", "#22377a",
    ],
    dark: [
      "#d5d7dc", "#a9adb6", "#8b909b", "#5d626d", "#3b3f48", "#2c3037", "#212429", "#17191d", "#111316", "#0b0c0e",
    ],
  },
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "1.375rem", lineHeight: "1.3" },
      h2: { fontSize: "0.9375rem", lineHeight: "1.4" },
      h3: { fontSize: "0.8125rem", lineHeight: "1.4" },
    },
  },
  // By name, not by `Modal.extend`: naming them so would put all of them into the first page's script.
  components: {
    Button: { defaultProps: { size: "xs", radius: "sm" } },
    Badge: { defaultProps: { size: "sm", radius: "sm", variant: "light", tt: "none", fw: 500 } },
    Paper: { defaultProps: { withBorder: true, radius: "md" } },
    TextInput: { defaultProps: { size: "sm" } },
    // What reveals it is not called by the name of the field: a label stands for one thing.
    PasswordInput: {
      defaultProps: { size: "sm", visibilityToggleButtonProps: { "aria-label": "Show or hide what is typed" } },
    },
    // A link is known by its line, not by its colour alone.
    Anchor: { defaultProps: { underline: "always" } },
    Select: { defaultProps: { size: "sm" } },
    Table: { defaultProps: { verticalSpacing: 0 } },
    // A <header>; but the page's banner is the rail alone.
    DrawerHeader: { defaultProps: { role: "presentation" } },
    ModalHeader: { defaultProps: { role: "presentation" } },
    Modal: {
      defaultProps: { centered: true, transitionProps: { duration: 120 }, overlayProps: { backgroundOpacity: 0.35 } },
      styles: { title: { fontWeight: 600, overflowWrap: "anywhere" } },
    },
    Drawer: { styles: { title: { fontWeight: 600, overflowWrap: "anywhere" } } },
    Tooltip: {
      defaultProps: {
        openDelay: 250,
        withArrow: true,
        events: { hover: true, focus: true, touch: true },
        // Into the page's own region, not beside all of them. Pages without the frame have no tooltips.
        portalProps: { target: "#content" },
      },
    },
  },
});
