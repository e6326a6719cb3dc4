import { memo } from "react";

import type { Question } from "~/features/chat/conversation";

import classes from "./Messages.module.css";

export const QuestionView = memo(function QuestionView({ question }: { question: Question }) {
  return (
    <article className={classes["question"]} aria-label="You">
      {question.images.length > 0 && (
        <div className={classes["images"]}>
          {question.images.map((image, place) => (
            <img key={place} src={image} alt={`Sent with the question, ${place + 1} of ${question.images.length}`} />
          ))}
        </div>
      )}
      {question.text}
    </article>
  );
});
