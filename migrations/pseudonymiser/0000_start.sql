CREATE TABLE `pseudonym` (
	`hash` text PRIMARY KEY NOT NULL,
	`version` integer NOT NULL,
	`anon` text NOT NULL,
	`created_month` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `pseudonym_by_version` ON `pseudonym` (`version`);--> statement-breakpoint
CREATE INDEX `pseudonym_by_anon` ON `pseudonym` (`anon`);