import { Component, type ReactNode } from "react";

import { Plain } from "~/features/chat/Plain";

interface Props {
  text: string;
  children: ReactNode;
}

/** Shows a text as it came where its rendering fails, until it is another text: what a model writes must not take the page away. */
export class PlainWhereItFails extends Component<Props, { text: string; failed: boolean }> {
  override state = { text: this.props.text, failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  static getDerivedStateFromProps({ text }: Props, before: { text: string }) {
    return text === before.text ? null : { text, failed: false };
  }

  override render() {
    return this.state.failed ? <Plain text={this.props.text} /> : this.props.children;
  }
}
