import classes from "./Messages.module.css";

/** The text as it came, without its Markdown. */
export const Plain = ({ text }: { text: string }) => <div className={classes["plain"]}>{text}</div>;
