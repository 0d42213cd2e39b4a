CREATE TABLE `audit` (
	`id` integer PRIMARY KEY NOT NULL,
	`hour` integer NOT NULL,
	`actor` text NOT NULL,
	`action` text NOT NULL,
	`subject` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `initial_access_token` (
	`token_hash` text PRIMARY KEY NOT NULL,
	`manufacturer` text NOT NULL,
	`products` text NOT NULL,
	`max_count` integer NOT NULL,
	`used_count` integer DEFAULT 0 NOT NULL,
	`batch` text,
	`expires_ms` integer NOT NULL,
	FOREIGN KEY (`manufacturer`) REFERENCES `manufacturer`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `manufacturer` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `product` (
	`software_id` text PRIMARY KEY NOT NULL,
	`manufacturer` text NOT NULL,
	`title` text NOT NULL,
	`model` text NOT NULL,
	FOREIGN KEY (`manufacturer`) REFERENCES `manufacturer`(`id`) ON UPDATE no action ON DELETE no action
);
