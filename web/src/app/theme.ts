import { createTheme } from "@mantine/core";

const CLOSE = { "aria-label": "Close" };

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
  // By name rather than by `Modal.extend`, which would put all these components into the first page's script.
  components: {
    Button: { defaultProps: { size: "xs", radius: "sm" } },
    Badge: { defaultProps: { size: "sm", radius: "sm", variant: "light", tt: "none", fw: 500 } },
    Paper: { defaultProps: { withBorder: true, radius: "md" } },
    TextInput: { defaultProps: { size: "sm" } },
    // The button's label is not that of the field, so that each label stands for one control.
    PasswordInput: {
      defaultProps: { size: "sm", visibilityToggleButtonProps: { "aria-label": "Show or hide what is typed" } },
    },
    // Links are underlined, so that they do not differ by colour alone.
    Anchor: { defaultProps: { underline: "always" } },
    Select: { defaultProps: { size: "sm" } },
    // In the page's main region. The first item of a menu that opens has the focus, rather than an element without a role.
    Popover: { defaultProps: { portalProps: { target: "#content" } } },
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
    Table: { defaultProps: { verticalSpacing: 0 } },
    // It is a <header>, but only the rail is the page's banner.
    DrawerHeader: { defaultProps: { role: "presentation" } },
    ModalHeader: { defaultProps: { role: "presentation" } },
    Modal: {
      defaultProps: { closeButtonProps: CLOSE, centered: true, transitionProps: { duration: 120 }, overlayProps: { backgroundOpacity: 0.35 } },
      styles: { title: { fontWeight: 600, overflowWrap: "anywhere" } },
    },
    Drawer: { defaultProps: { closeButtonProps: CLOSE }, styles: { title: { fontWeight: 600, overflowWrap: "anywhere" } } },
    Tooltip: {
      defaultProps: {
        openDelay: 250,
        withArrow: true,
        events: { hover: true, focus: true, touch: true },
        // Inside the page's main region. Pages without the frame have no tooltips.
        portalProps: { target: "#content" },
      },
    },
  },
});
