#![allow(clippy::unwrap_used, reason = "a test that fails should stop there")]

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers each byte with the room it was heard in.
async fn tell(mut seat: Seat) {
    while seat.read_u8().await.is_ok() {
        let here = u8::try_from(HERE.get()).unwrap();
        if seat.write_u8(here).await.is_err() {
            return;
        }
    }
}

struct Talk(Vec<TcpStream>);

impl Talk {
    /// So many clients, and the rooms they are in.
    async fn begin(clients: u64, rooms: &Rooms) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut talk = Vec::new();
        for number in 0..clients {
            talk.push(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
            let (socket, _) = listener.accept().await.unwrap();
            rooms.seat(number, socket, tell);
        }
        Self(talk)
    }

    async fn places(&mut self) -> Vec<u8> {
        let mut places = Vec::new();
        for client in &mut self.0 {
            client.write_u8(1).await.unwrap();
            places.push(client.read_u8().await.unwrap());
        }
        places
    }
}

#[tokio::test]
async fn clients_move_between_two_things_they_say() {
    let rooms = Rooms::new();
    let all = rooms.0.rooms.len();
    let mut talk = Talk::begin(6, &rooms).await;
    assert_eq!(talk.places().await, [0; 6]);
    for open in (1..=all).rev().chain(1..=all) {
        rooms.0.open.0.store(open, Relaxed);
        // What is under way when it is said is answered where it is.
        talk.places().await;
        let expected: Vec<u8> = (0..6).map(|number| (number % open) as u8).collect();
        assert_eq!(talk.places().await, expected, "{open} of {all}");
    }
}

#[tokio::test]
async fn whoever_has_come_is_served_when_the_rooms_are_given_up() {
    let rooms = Rooms::new();
    rooms.0.open.0.store(rooms.0.rooms.len(), Relaxed);
    let mut talk = Talk::begin(4, &rooms).await;
    let before = talk.places().await;
    drop(rooms);
    assert_eq!(talk.places().await, before);
}
