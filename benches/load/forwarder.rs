//! The least a relay in a process of its own can do: two connections that name the same number are joined, and bytes are
//! copied from either to the other. What it carries here is what there is to be had here.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional_with_sizes};
use tokio::net::{TcpListener, TcpStream};

const BUFFER: usize = 64 << 10;

/// Serves until the process is ended, and says where on standard output.
pub(crate) fn serve(address: &str) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let listener = TcpListener::bind(address).await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        let waiting = Arc::<Mutex<HashMap<u64, TcpStream>>>::default();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let waiting = Arc::clone(&waiting);
            tokio::spawn(async move {
                let mut stream = stream;
                stream.set_nodelay(true).unwrap();
                let Ok(number) = stream.read_u64().await else { return };
                if stream.write_u64(number).await.is_err() {
                    return;
                }
                let other = waiting.lock().unwrap().remove(&number);
                if let Some(mut other) = other {
                    // It ends when one of them leaves.
                    let _ = copy_bidirectional_with_sizes(&mut stream, &mut other, BUFFER, BUFFER).await;
                } else {
                    waiting.lock().unwrap().insert(number, stream);
                }
            });
        }
    });
}
