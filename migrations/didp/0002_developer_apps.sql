CREATE TABLE `developer_app` (
	`oauth_client_id` text PRIMARY KEY NOT NULL,
	`anon` text NOT NULL
);
