"""The predecessor's database: its tables, word for word, and rows as its users left them."""

DDL = (
    """
    create table server_health
    (
        id           bigint auto_increment
            primary key,
        host_name    varchar(255) not null,
        host         varchar(255) not null,
        port         int          not null,
        type         int          not null,
        notification tinyint(1) default 1 not null,
        environment  enum ('DEV', 'STAGE', 'LIVE', 'UNKNOWN') not null,
        created_at   timestamp default CURRENT_TIMESTAMP null,
        updated_at   timestamp null,
        constraint host_name
            unique (host_name)
    )
    """,
    """
    create table notifications
    (
        channel_id varchar(255)                       not null
            primary key,
        updated_at datetime default CURRENT_TIMESTAMP not null
    )
    """,
)

ROWS = (
    (
        "insert into server_health values"
        " (7, '채팅 서버', 'https://chat.example.com', 443, 2, 1, 'LIVE', '2024-03-01 09:00:00', null),"
        " (8, '관리자 웹', 'admin.example.com', 8080, 6, 0, 'STAGE', '2024-03-01 09:00:00', '2024-03-02 12:30:00'),"
        " (9, 'legacy', '10.0.0.9', 9000, 9, 1, 'UNKNOWN', null, null)"
    ),
    "insert into notifications (channel_id, updated_at) values ('C024BE91L', '2024-03-01 09:00:00')",
)
"""Written in a session of a server in Korea, where 09:00 is midnight UTC. Type 9 was never defined."""

STRANGER = (
    "insert into server_health (host_name, host, port, type, environment)"
    " values ('나중에 온 서버', 'http://127.0.0.1', 8080, 1, 'DEV')"
)
"""What somebody adds later, past our application."""
